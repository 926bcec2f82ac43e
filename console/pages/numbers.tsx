import { useMemo, useState } from "preact/hooks";
import { BY_SEVERITY, HEALTH, rank } from "../health.ts";
import { href } from "../route.ts";
import { agents, nameOf, numbers } from "../store.ts";
import type { Agent, Health, PhoneNumber } from "../types.ts";
import { Button, Content, count, Empty, HealthMark, textOf, When } from "../ui.tsx";
import { type ManyAct, ManyDialog } from "./many.tsx";

const PAGE = 50;

type Filter = { text: string; health: string; agent: string; account: string };
type Column = "phone_number" | "health" | "agent" | "account" | "last_inbound_at" | "created_at";
type Order = { by: Column; isUp: boolean };

const COLUMNS: [name: Column, title: string, isWide?: true][] = [
  ["phone_number", "Number"],
  ["health", "Health"],
  ["agent", "Agent"],
  ["account", "Twilio account", true],
  ["last_inbound_at", "Last call or text", true],
  ["created_at", "Imported", true],
];

const NOBODY = "nobody";

/** The numbers that a filter leaves, in order. */
export function select(
  list: readonly PhoneNumber[],
  { text, health, agent, account }: Filter,
  { by, isUp }: Order,
  agentList: readonly Agent[] | undefined,
): PhoneNumber[] {
  const wanted = text.toLowerCase().replace(/[\s()-]/g, "");
  const names = new Map(agentList?.map(({ agent_id, name }) => [agent_id, name]));
  const nameFor = ({ agent_id }: PhoneNumber) => (agent_id ? (names.get(agent_id) ?? agent_id) : "");
  const keyOf = (number: PhoneNumber): string | number =>
    by === "agent"
      ? nameFor(number).toLowerCase()
      : by === "health"
        ? rank(number.health)
        : by === "account"
          ? number.twilio_sid
          : (number[by] ?? "");
  return list
    .filter(
      (number) =>
        (wanted === "" ||
          `${number.phone_number} ${nameFor(number)} ${number.twilio_sid}`
            .toLowerCase()
            .replaceAll(" ", "")
            .includes(wanted)) &&
        (health === "" || (health === "attention" ? number.health !== "ok" : number.health === health)) &&
        (agent === "" || (number.agent_id ?? NOBODY) === agent) &&
        (account === "" || number.twilio_sid === account),
    )
    .map((number) => ({ number, key: keyOf(number) }))
    .sort((a, b) => (a.key === b.key ? 0 : a.key > b.key === isUp ? 1 : -1))
    .map(({ number }) => number);
}

export function Numbers({ query }: { query: URLSearchParams }) {
  const loaded = numbers.use();
  return (
    <>
      <div class="title">
        <h1>Numbers</h1>
        <a class="button primary" href={href("import")}>
          Import
        </a>
      </div>
      <Content of={loaded}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No numbers yet">
              <p>
                A number that you own at Twilio is imported with its Account SID and Auth Token. Before
                anything changes you see who answers it today and what would change.
              </p>
              <a class="button primary" href={href("import")}>
                Import your first number
              </a>
            </Empty>
          ) : (
            <Table list={list} isLoading={loaded.isLoading} query={query} />
          )
        }
      </Content>
    </>
  );
}

function Table({
  list,
  isLoading,
  query,
}: {
  list: PhoneNumber[];
  isLoading: boolean;
  query: URLSearchParams;
}) {
  const agentList = agents.use().value;
  const [filter, setFilter] = useState<Filter>({
    text: query.get("search") ?? "",
    health: query.get("health") ?? "",
    agent: query.get("agent") ?? "",
    account: query.get("account") ?? "",
  });
  const [order, setOrder] = useState<Order>({ by: "health", isUp: true });
  const [page, setPage] = useState(0);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [act, setAct] = useState<ManyAct>();

  const found = useMemo(() => select(list, filter, order, agentList), [list, filter, order, agentList]);
  const accounts = useMemo(() => [...new Set(list.map(({ twilio_sid }) => twilio_sid))].sort(), [list]);
  const pages = Math.max(1, Math.ceil(found.length / PAGE));
  const shown = found.slice(Math.min(page, pages - 1) * PAGE, (Math.min(page, pages - 1) + 1) * PAGE);
  const areAllChosen = found.length > 0 && found.every(({ phone_number }) => chosen.has(phone_number));

  const change = (part: Partial<Filter>) => {
    setFilter({ ...filter, ...part });
    setPage(0);
  };
  const toggle = (phoneNumber: string) => {
    const next = new Set(chosen);
    if (!next.delete(phoneNumber)) next.add(phoneNumber);
    setChosen(next);
  };

  return (
    <>
      <div class="filters">
        <input
          type="search"
          aria-label="Search numbers, agents and accounts"
          placeholder="Search numbers, agents, accounts"
          value={filter.text}
          onInput={(event) => change({ text: textOf(event) })}
        />
        <select
          aria-label="Health"
          value={filter.health}
          onChange={(event) => change({ health: textOf(event) })}
        >
          <option value="">Any health</option>
          <option value="attention">Needs attention</option>
          {BY_SEVERITY.map((health: Health) => (
            <option key={health} value={health}>
              {HEALTH[health].short}
            </option>
          ))}
        </select>
        <select
          aria-label="Agent"
          value={filter.agent}
          onChange={(event) => change({ agent: textOf(event) })}
        >
          <option value="">Any agent</option>
          <option value={NOBODY}>Nobody</option>
          {agentList?.map(({ agent_id, name }) => (
            <option key={agent_id} value={agent_id}>
              {name}
            </option>
          ))}
        </select>
        {accounts.length > 1 && (
          <select
            aria-label="Twilio account"
            value={filter.account}
            onChange={(event) => change({ account: textOf(event) })}
          >
            <option value="">Any account</option>
            {accounts.map((sid) => (
              <option key={sid}>{sid}</option>
            ))}
          </select>
        )}
      </div>
      <div class="bar">
        <p role="status">
          {chosen.size > 0 ? `${count(chosen.size, "number")} selected` : count(found.length, "number")}
          {isLoading && " so far…"}
        </p>
        {chosen.size > 0 && (
          <div class="actions">
            <Button onClick={() => setAct("move")}>Move…</Button>
            <Button onClick={() => setAct("check")}>Check</Button>
            <Button kind="danger" onClick={() => setAct("release")}>
              Release…
            </Button>
            <Button onClick={() => setChosen(new Set())}>Select none</Button>
          </div>
        )}
      </div>
      <div class="table">
        <table>
          <caption class="hidden">Your numbers</caption>
          <thead>
            <tr>
              <th scope="col" class="tick">
                <input
                  type="checkbox"
                  aria-label={`Select all ${found.length}`}
                  checked={areAllChosen}
                  onChange={() =>
                    setChosen(new Set(areAllChosen ? [] : found.map(({ phone_number }) => phone_number)))
                  }
                />
              </th>
              {COLUMNS.map(([name, title, isWide]) => (
                <th
                  key={name}
                  scope="col"
                  class={isWide && "wide"}
                  aria-sort={order.by === name ? (order.isUp ? "ascending" : "descending") : undefined}
                >
                  <button
                    type="button"
                    onClick={() => setOrder({ by: name, isUp: order.by === name ? !order.isUp : true })}
                  >
                    {title}
                    <span aria-hidden="true">{order.by === name ? (order.isUp ? " ↑" : " ↓") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((number) => (
              <tr key={number.phone_number}>
                <td class="tick">
                  <input
                    type="checkbox"
                    aria-label={`Select ${number.phone_number}`}
                    checked={chosen.has(number.phone_number)}
                    onChange={() => toggle(number.phone_number)}
                  />
                </td>
                <th scope="row">
                  <a href={href("numbers", number.phone_number)}>{number.phone_number}</a>
                </th>
                <td>
                  <HealthMark health={number.health} />
                </td>
                <td>{nameOf(number.agent_id, agentList)}</td>
                <td class="wide">
                  <code title={number.twilio_sid}>…{number.twilio_sid.slice(-6)}</code>
                </td>
                <td class="wide">
                  <When at={number.last_inbound_at} />
                </td>
                <td class="wide">
                  <When at={number.created_at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && <p class="quiet">No number matches. Change the search or the filters.</p>}
      {pages > 1 && (
        <nav class="pages" aria-label="Pages of numbers">
          <Button isDisabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </Button>
          <span>
            Page {page + 1} of {pages}
          </span>
          <Button isDisabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
            Next
          </Button>
        </nav>
      )}
      {act && (
        <ManyDialog
          act={act}
          phoneNumbers={[...chosen]}
          onClose={(succeeded) => {
            setAct(undefined);
            setChosen(new Set([...chosen].filter((number) => !succeeded.includes(number))));
          }}
        />
      )}
    </>
  );
}
