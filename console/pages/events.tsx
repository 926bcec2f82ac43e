import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import type { Tone } from "../health.ts";
import { may } from "../may.ts";
import { href } from "../route.ts";
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

type State = "pending" | "delivered" | "failed";
type Delivery = Awaited<ReturnType<typeof api.listDeliveries>>["deliveries"][number];

const TONES: Record<State, Tone> = { delivered: "good", pending: "warn", failed: "bad" };
const PAGE = 50;

const stateIn = (text: string | null): State | "" => (text !== null && text in TONES ? (text as State) : "");

export function Events({ query }: { query: URLSearchParams }) {
  const [state, setState] = useState<State | "">(stateIn(query.get("state")));
  const [offset, setOffset] = useState(0);
  const loaded = useLoaded(
    () => api.listDeliveries({ query: { ...(state !== "" && { state }), limit: PAGE, offset } }),
    [state, offset],
  );
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
          value={state}
          onChange={(event) => {
            setState(stateIn(textOf(event)));
            setOffset(0);
          }}
        >
          <option value="">All events</option>
          <option value="failed">Failed</option>
          <option value="pending">Pending</option>
          <option value="delivered">Delivered</option>
        </select>
      </div>
      <Content of={loaded}>
        {({ deliveries, count, offset: at }) =>
          deliveries.length === 0 ? (
            <Empty title={state === "" ? "No events yet" : `No ${state} events`}>
              <p>
                An agent with a <code>webhook_url</code> receives an event for each call and text. Give an{" "}
                <a href={href("agents")}>agent</a> a URL, create a secret, and send a test event below.
              </p>
            </Empty>
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
  const [opened, setOpened] = useState("");
  const shown = deliveries.find(({ id }) => id === opened);
  const columns: Column<Delivery>[] = [
    {
      title: "Event",
      cell: ({ id, event, created_at }) => (
        <>
          <button type="button" class="link" onClick={() => setOpened(id)}>
            {event}
          </button>
          <br />
          <span class="quiet">
            <When at={created_at} />
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
    { title: "Last attempt", isWide: true, cell: ({ attempts }) => lastOf(attempts) },
    {
      title: "Actions",
      isHidden: true,
      cell: (delivery) =>
        delivery.state === "failed" && may("all") && <Redeliver delivery={delivery} again={again} />,
    },
  ];
  return (
    <>
      <Table caption="Events, newest first" columns={columns} rows={deliveries} keyOf={({ id }) => id} />
      {shown && <Opened delivery={shown} again={again} onClose={() => setOpened("")} />}
    </>
  );
}

const ATTEMPTS: Column<Delivery["attempts"][number]>[] = [
  { title: "Sent", cell: ({ attempted_at }) => <When at={attempted_at} /> },
  { title: "Answered", cell: (attempt) => lastOf([attempt]) },
];

/** An event: what is known of what was sent, and what your server answered each time. */
function Opened({
  delivery,
  again,
  onClose,
}: {
  delivery: Delivery;
  again: () => void;
  onClose: () => void;
}) {
  const { id, event, state, created_at, next_attempt_at, agent_id, external_id, actor, attempts } = delivery;
  const agentList = agents.use().value;
  return (
    <Dialog title={event} onClose={onClose}>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <Mark tone={TONES[state]}>{state}</Mark>
        </dd>
        <dt>Happened</dt>
        <dd>
          <When at={created_at} />
        </dd>
        {actor && (
          <>
            <dt>By</dt>
            <dd>
              {actor.kind} {actor.name}
            </dd>
          </>
        )}
        <dt>Agent</dt>
        <dd>{nameOf(agent_id, agentList)}</dd>
        {external_id !== null && (
          <>
            <dt>Your id</dt>
            <dd>{external_id}</dd>
          </>
        )}
        <dt>Event id</dt>
        <dd>
          <code>{id}</code>
        </dd>
        {next_attempt_at !== null && (
          <>
            <dt>Next attempt</dt>
            <dd>
              <When at={next_attempt_at} />
            </dd>
          </>
        )}
      </dl>
      {attempts.length === 0 ? (
        <p class="quiet">Not sent yet.</p>
      ) : (
        <Table
          caption="Attempts, the oldest first"
          columns={ATTEMPTS}
          rows={attempts}
          keyOf={({ attempted_at }) => attempted_at}
        />
      )}
      <div class="actions">
        {state !== "pending" && may("all") && <Redeliver delivery={delivery} again={again} />}
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}

function lastOf(attempts: Delivery["attempts"]): string {
  const last = attempts.at(-1);
  if (!last) return "–";
  const { http_status, error, duration_ms } = last;
  return `${http_status === null ? error?.replaceAll("_", " ") : `HTTP ${http_status}`}, ${duration_ms} ms`;
}

function Redeliver({
  delivery: { id, event, created_at },
  again,
}: {
  delivery: Delivery;
  again: () => void;
}) {
  const redeliver = useAction(async () => {
    await api.redeliver({ path: { id } });
    again();
  });
  return (
    <>
      <Button onClick={redeliver.run} isBusy={redeliver.isBusy} label={`Redeliver ${event} of ${created_at}`}>
        Redeliver
      </Button>
      <Problem error={redeliver.error} />
    </>
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
