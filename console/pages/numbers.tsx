import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { BY_SEVERITY, HEALTH } from "../health.ts";
import { may } from "../may.ts";
import { href, keep } from "../route.ts";
import { accounts, agents, allNumbers, type NumberQuery, nameOf } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import type { Agent, PhoneNumber } from "../types.ts";
import {
  Button,
  Content,
  count,
  Empty,
  HealthMark,
  Pages,
  Problem,
  Tel,
  Title,
  textOf,
  When,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { type ManyAct, ManyDialog } from "./many.tsx";

const PAGE = 50;
/** How long somebody rests in typing before the API is asked. */
const TYPING_MS = 300;

type Filter = Record<"search" | "health" | "agent" | "account", string>;

/** What the API is asked for a filter: nothing is no filter. */
function queryOf({ search, health, agent, account }: Filter): NumberQuery {
  return {
    ...(search !== "" && { search }),
    ...(health !== "" && { health: health as NonNullable<NumberQuery["health"]> }),
    ...(agent !== "" && { agent_id: agent }),
    ...(account !== "" && { twilio_sid: account }),
  };
}

const columnsFor = (agentList: readonly Agent[] | undefined): Column<PhoneNumber>[] => [
  {
    title: "Number",
    cell: ({ phone_number, label }) => (
      <a href={href("numbers", phone_number)}>
        {label !== null && (
          <>
            {label}
            <br />
          </>
        )}
        <Tel of={phone_number} />
      </a>
    ),
  },
  { title: "Your id", isWide: true, cell: ({ external_id }) => external_id },
  { title: "Health", cell: ({ health }) => <HealthMark health={health} /> },
  { title: "Agent", cell: ({ agent_id }) => nameOf(agent_id, agentList) },
  {
    title: "Account",
    isWide: true,
    cell: ({ twilio_sid }) => <code title={twilio_sid}>…{twilio_sid.slice(-6)}</code>,
  },
  {
    title: "Last used",
    isWide: true,
    cell: ({ last_inbound_at }) => <When at={last_inbound_at} />,
  },
];

export function Numbers({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<Filter>({
    search: query.get("search") ?? "",
    health: query.get("health") ?? "",
    agent: query.get("agent") ?? "",
    account: query.get("account") ?? "",
  });
  const [offset, setOffset] = useState(0);
  const wanted = queryOf(filter);
  const loaded = useLoaded(
    () => api.listPhoneNumbers({ query: { ...wanted, limit: PAGE, offset } }),
    [JSON.stringify(wanted), offset],
  );
  const isFiltered = Object.keys(wanted).length > 0;
  return (
    <>
      <Title>
        Numbers
        {may("all") && (
          <a class="button primary" href={href("start")}>
            Import
          </a>
        )}
      </Title>
      {loaded.value?.count === 0 && !isFiltered ? (
        <Empty title="No numbers yet">
          {may("all") ? (
            <>
              <p>
                Connect a Twilio account, and choose among its numbers. Before anything changes you see who
                answers them today and what would change.
              </p>
              <a class="button primary" href={href("start")}>
                Import your first number
              </a>
            </>
          ) : (
            <p>Whoever gave you this secret has no number for you here yet.</p>
          )}
        </Empty>
      ) : (
        <>
          <Filters
            filter={filter}
            onFilter={(part) => {
              setFilter({ ...filter, ...part });
              keep({ ...filter, ...part });
              setOffset(0);
            }}
          />
          <Content of={loaded}>
            {({ phone_numbers, count: total, offset: at }) => (
              <>
                <Found shown={phone_numbers} total={total} query={wanted} again={loaded.again} />
                <Pages of="numbers" offset={at} size={PAGE} total={total} onOffset={setOffset} />
              </>
            )}
          </Content>
        </>
      )}
    </>
  );
}

function Filters({ filter, onFilter }: { filter: Filter; onFilter: (part: Partial<Filter>) => void }) {
  const agentList = agents.use().value;
  const sids = [...new Set(accounts.use().value?.map(({ twilio_sid }) => twilio_sid))].sort();
  const [text, setText] = useState(filter.search);
  useEffect(() => {
    if (text.trim() === filter.search) return;
    const timer = setTimeout(() => onFilter({ search: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, onFilter]);
  return (
    <div class="filters">
      <input
        type="search"
        aria-label="Search numbers"
        placeholder="A number, label or id"
        value={text}
        onInput={(event) => setText(textOf(event))}
      />
      <select
        aria-label="Health"
        value={filter.health}
        onChange={(event) => onFilter({ health: textOf(event) })}
      >
        <option value="">Any health</option>
        <option value="attention">Needs attention</option>
        {BY_SEVERITY.map((health) => (
          <option key={health} value={health}>
            {HEALTH[health].short}
          </option>
        ))}
      </select>
      <select
        aria-label="Agent"
        value={filter.agent}
        onChange={(event) => onFilter({ agent: textOf(event) })}
      >
        <option value="">Any agent</option>
        <option value="none">Nobody</option>
        {agentList?.map(({ agent_id, name }) => (
          <option key={agent_id} value={agent_id}>
            {name}
          </option>
        ))}
      </select>
      {(sids.length > 1 || filter.account !== "") && (
        <select
          aria-label="Twilio account"
          value={filter.account}
          onChange={(event) => onFilter({ account: textOf(event) })}
        >
          <option value="">Any account</option>
          {sids.map((sid) => (
            <option key={sid}>{sid}</option>
          ))}
        </select>
      )}
    </div>
  );
}

type FoundOf = { shown: PhoneNumber[]; total: number; query: NumberQuery; again: () => void };

/** A page of what was found, and what to do with the chosen ones, which may be on other pages too. */
function Found({ shown, total, query, again }: FoundOf) {
  const agentList = agents.use().value;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [act, setAct] = useState<ManyAct>();
  const areAllChosen = shown.length > 0 && shown.every(({ phone_number }) => chosen.has(phone_number));
  const choose = (phoneNumbers: readonly PhoneNumber[], isChosen: boolean) => {
    const next = new Set(chosen);
    for (const { phone_number } of phoneNumbers) next[isChosen ? "add" : "delete"](phone_number);
    setChosen(next);
  };
  const everything = useAction(async () => choose(await allNumbers(query), true));
  return (
    <>
      <div class="bar">
        <p role="status">
          {chosen.size > 0 ? `${count(chosen.size, "number")} selected` : count(total, "number")}
        </p>
        {chosen.size > 0 && (
          <div class="actions">
            {areAllChosen && chosen.size < total && (
              <Button onClick={everything.run} isBusy={everything.isBusy}>
                Select all {total.toLocaleString("en")}
              </Button>
            )}
            {may("all") && <Button onClick={() => setAct("move")}>Move…</Button>}
            <Button onClick={() => setAct("check")}>Check</Button>
            {may("all") && (
              <Button kind="danger" onClick={() => setAct("release")}>
                Release…
              </Button>
            )}
            <Button onClick={() => setChosen(new Set())}>Select none</Button>
          </div>
        )}
      </div>
      <Problem error={everything.error} />
      <Table
        caption="Your numbers"
        columns={columnsFor(agentList)}
        rows={shown}
        keyOf={({ phone_number }) => phone_number}
        choice={
          may("number")
            ? {
                title: (
                  <>
                    <input
                      type="checkbox"
                      aria-label={`Select the ${shown.length} of this page`}
                      checked={areAllChosen}
                      onChange={() => choose(shown, !areAllChosen)}
                    />
                    <span class="narrow" aria-hidden="true">
                      All of this page
                    </span>
                  </>
                ),
                labelOf: ({ phone_number }) => `Select ${phone_number}`,
                isChosen: ({ phone_number }) => chosen.has(phone_number),
                onToggle: (number) => choose([number], !chosen.has(number.phone_number)),
              }
            : undefined
        }
      />
      {total === 0 && <p class="quiet">No number matches. Change the search or the filters.</p>}
      {act && (
        <ManyDialog
          act={act}
          phoneNumbers={[...chosen]}
          onClose={(succeeded) => {
            setAct(undefined);
            setChosen(new Set([...chosen].filter((number) => !succeeded.includes(number))));
            if (succeeded.length > 0) again();
          }}
        />
      )}
    </>
  );
}
