import type { ComponentChildren } from "preact";
import { api } from "../api.ts";
import type { Tone } from "../health.ts";
import { may } from "../may.ts";
import { href } from "../route.ts";
import { agents, nameOf } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import { Button, Content, Copy, Mark, Problem, Tel, Title, When } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";

type Answer = Awaited<ReturnType<typeof api.getDelivery>>;
export type Delivery = Answer["delivery"];
type Attempt = Delivery["attempts"][number];

export const TONES: Record<Delivery["state"], Tone> = { delivered: "good", pending: "warn", failed: "bad" };

/** What the customer's server answered, or why it did not. */
export function answerOf(attempt: Attempt | undefined): string {
  if (!attempt) return "–";
  const { http_status, error, duration_ms } = attempt;
  return `${http_status === null ? error?.replaceAll("_", " ") : `HTTP ${http_status}`}, ${duration_ms} ms`;
}

/** Who made it happen. */
export const nameOfActor = ({ kind, name }: NonNullable<Delivery["actor"]>): string =>
  name === null ? kind : `${kind} ${name}`;

const ATTEMPTS: Column<Attempt>[] = [
  { title: "Sent", cell: ({ attempted_at }) => <When at={attempted_at} /> },
  { title: "Answered", cell: answerOf },
];

/** An event: what was sent, and what the customer's server answered each time. */
export function EventPage({ id }: { id: string }) {
  const loaded = useLoaded(() => api.getDelivery({ path: { id } }), [id]);
  return (
    <>
      <p class="back">
        <a href={href("events")}>Events</a>
      </p>
      <Title>
        {loaded.value?.delivery.event ?? "Event"}
        <Button onClick={loaded.again} isBusy={loaded.isLoading}>
          Refresh
        </Button>
      </Title>
      <Content of={loaded}>
        {({ delivery, payload }) => (
          <>
            <Facts delivery={delivery} payload={payload} again={loaded.again} />
            <section class="body">
              <h2>What is sent</h2>
              {payload === null ? (
                <p>A body is deleted 7 days after it was delivered.</p>
              ) : (
                <Copy text={JSON.stringify(payload, null, 2)} label="the body" />
              )}
            </section>
            <section>
              <h2>What your server answered</h2>
              {delivery.attempts.length === 0 ? (
                <p>Nothing: it has not been sent yet.</p>
              ) : (
                <Table
                  caption="Attempts, the oldest first"
                  columns={ATTEMPTS}
                  rows={delivery.attempts}
                  keyOf={({ attempted_at }) => attempted_at}
                />
              )}
              <p class="quiet">Of an answer only its status is kept.</p>
            </section>
          </>
        )}
      </Content>
    </>
  );
}

function Facts({ delivery, payload, again }: Answer & { again: () => void }) {
  const agentList = agents.use().value;
  const { id, state, created_at, next_attempt_at, agent_id, external_id, actor } = delivery;
  const said = (name: string) => (typeof payload?.[name] === "string" ? payload[name] : "");
  const number = said("phone_number");
  const call = said("call_id");
  const facts: [title: string, isThere: unknown, fact: ComponentChildren][] = [
    ["State", true, <Mark tone={TONES[state]}>{state}</Mark>],
    ["Happened", true, <When at={created_at} />],
    ["By", actor, actor && nameOfActor(actor)],
    ["Number", number, <a href={href("numbers", number)}>{<Tel of={number} />}</a>],
    ["Call", call, <a href={href("calls", call)}>This call</a>],
    ["Agent", agent_id, <a href={href("agents", agent_id ?? "")}>{nameOf(agent_id, agentList)}</a>],
    ["Your id", external_id, external_id],
    ["Next attempt", next_attempt_at, <When at={next_attempt_at} />],
    ["Event id", true, <code>{id}</code>],
  ];
  return (
    <section>
      <dl class="facts">
        {facts.map(
          ([title, isThere, fact]) =>
            isThere && (
              <>
                <dt>{title}</dt>
                <dd>{fact}</dd>
              </>
            ),
        )}
      </dl>
      {state !== "pending" && may("all") && <Redeliver delivery={delivery} again={again} />}
    </section>
  );
}

export function Redeliver({
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
