import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import { may } from "../may.ts";
import { href, keep } from "../route.ts";
import { agents, nameOf } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import {
  Button,
  Content,
  Copy,
  Dialog,
  Empty,
  Form,
  Mark,
  Pages,
  Problem,
  Refusal,
  Title,
  textOf,
  When,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { answerOf, type Delivery, Redeliver, TONES } from "./event.tsx";

type State = Delivery["state"];
type Kind = Delivery["event"];

/** Every event there is, of src/events/event.ts: scripts/documentation/console.ts puts them here. */
declare const EVENT_TYPES: readonly Kind[];

const PAGE = 50;

const stateIn = (text: string | null): State | "" => (text !== null && text in TONES ? (text as State) : "");

/** What the API lists, by the names of its query. */
type Filter = { state: State | ""; event: string; external_id: string };
const queryOf = ({ state, event, external_id }: Filter) => ({
  ...(state !== "" && { state }),
  ...(event !== "" && { event: event as Kind }),
  ...(external_id !== "" && { external_id }),
});

export function Events({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<Filter>({
    state: stateIn(query.get("state")),
    event: query.get("event") ?? "",
    external_id: query.get("external_id") ?? "",
  });
  const [offset, setOffset] = useState(0);
  const wanted = queryOf(filter);
  const loaded = useLoaded(
    () => api.listDeliveries({ query: { ...wanted, limit: PAGE, offset } }),
    [JSON.stringify(wanted), offset],
  );
  const change = (part: Partial<Filter>) => {
    const next = { ...filter, ...part };
    setFilter(next);
    setOffset(0);
    keep(next);
  };
  return (
    <>
      <Title>
        Events
        <Button onClick={loaded.again} isBusy={loaded.isLoading}>
          Refresh
        </Button>
      </Title>
      <div class="filters">
        <select
          aria-label="State"
          value={filter.state}
          onChange={(event) => change({ state: stateIn(textOf(event)) })}
        >
          <option value="">Any state</option>
          <option value="failed">Failed</option>
          <option value="pending">Pending</option>
          <option value="delivered">Delivered</option>
        </select>
        <select
          aria-label="Event"
          value={filter.event}
          onChange={(event) => change({ event: textOf(event) })}
        >
          <option value="">Any event</option>
          {EVENT_TYPES.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
        {may("read_all") && (
          <input
            type="search"
            aria-label="Your id"
            placeholder="Your id of the number"
            value={filter.external_id}
            onChange={(event) => change({ external_id: textOf(event).trim() })}
          />
        )}
      </div>
      <Content of={loaded}>
        {({ deliveries, count, offset: at }) =>
          deliveries.length === 0 ? (
            Object.keys(wanted).length > 0 ? (
              <p class="quiet">No event matches. Change the filters.</p>
            ) : (
              <Empty title="No events yet">
                <p>
                  An agent with a <code>webhook_url</code> receives an event for each call and text. Give an{" "}
                  <a href={href("agents")}>agent</a> a URL, create a secret, and send a test event below.
                </p>
              </Empty>
            )
          ) : (
            <>
              <Deliveries deliveries={deliveries} again={loaded.again} />
              <Pages of="events" offset={at} size={PAGE} total={count} onOffset={setOffset} />
            </>
          )
        }
      </Content>
      {may("all") && (
        <>
          <Test again={loaded.again} />
          <Secret />
        </>
      )}
    </>
  );
}

function Deliveries({ deliveries, again }: { deliveries: Delivery[]; again: () => void }) {
  const agentList = agents.use().value;
  const columns: Column<Delivery>[] = [
    {
      title: "Event",
      cell: ({ id, event, created_at }) => (
        <>
          <a href={href("events", id)}>{event}</a>
          <br />
          <span class="quiet">
            <When at={created_at} isUnderDay />
          </span>
        </>
      ),
    },
    {
      title: "State",
      cell: ({ state, attempts }) => (
        <>
          <Mark tone={TONES[state]}>{state}</Mark>
          {attempts.length > 1 && <span class="line quiet">{attempts.length} attempts</span>}
        </>
      ),
    },
    { title: "Agent", isWide: true, cell: ({ agent_id }) => nameOf(agent_id, agentList) },
    { title: "Your id", isWide: true, cell: ({ external_id }) => external_id },
    { title: "Last attempt", isWide: true, cell: ({ attempts }) => answerOf(attempts.at(-1)) },
    {
      title: "Actions",
      isHidden: true,
      cell: (delivery) =>
        delivery.state === "failed" && may("all") && <Redeliver delivery={delivery} again={again} />,
    },
  ];
  return (
    <Table
      caption="Events, newest first"
      columns={columns}
      rows={deliveries}
      keyOf={({ id }) => id}
      happened={({ created_at }) => created_at}
    />
  );
}

function Test({ again }: { again: () => void }) {
  const agentList = agents.use().value?.filter(({ webhook_url }) => webhook_url !== null) ?? [];
  const [agentId, setAgentId] = useState("");
  const chosen = agentId || (agentList[0]?.agent_id ?? "");
  const send = useAction(async () => {
    await api.testWebhook({ body: { agent_id: chosen } });
    again();
  });
  return (
    <section>
      <h2>Send a test event</h2>
      {agentList.length === 0 ? (
        <p class="quiet">No agent has a webhook_url yet.</p>
      ) : (
        <Form onSubmit={send.run} error={send.error}>
          <AgentField label="To the URL of" agentList={agentList} agentId={chosen} onChoice={setAgentId} />
          <Refusal />
          <Button type="submit" isBusy={send.isBusy}>
            Send
          </Button>
        </Form>
      )}
    </section>
  );
}

function Secret() {
  const [isAsking, ask] = useState(false);
  return (
    <section>
      <h2>Signing secret</h2>
      <p>
        Every event is signed, so that your server knows it comes from here. A new secret signs beside the old
        one for 24 hours.
      </p>
      <Button onClick={() => ask(true)}>New secret…</Button>
      {isAsking && <SecretDialog onClose={() => ask(false)} />}
    </section>
  );
}

function SecretDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Awaited<ReturnType<typeof api.rotateWebhookSecret>>>();
  const make = useAction(async () => setMade(await api.rotateWebhookSecret()));
  return (
    <Dialog title={made ? "Save the secret now" : "Create a new signing secret?"} onClose={onClose}>
      {made ? (
        <>
          <p>
            It cannot be shown again. Both are the same secret; take the second for a Standard Webhooks
            library.
          </p>
          <Copy text={made.webhook_secret} label="the secret" />
          <Copy text={made.standard_webhooks_secret} label="the secret for Standard Webhooks" />
        </>
      ) : (
        <p>The secret before it, if there is one, also signs for another 24 hours.</p>
      )}
      <Problem error={make.error} />
      <div class="actions">
        {!made && (
          <Button kind="primary" onClick={make.run} isBusy={make.isBusy}>
            Create
          </Button>
        )}
        <Button onClick={onClose}>{made ? "I have saved it" : "Cancel"}</Button>
      </div>
    </Dialog>
  );
}
