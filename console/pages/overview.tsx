import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { Chart } from "../chart.tsx";
import { BY_SEVERITY, HEALTH } from "../health.ts";
import { check, repair, TokenDialog } from "../mend.tsx";
import { href } from "../route.ts";
import { runMany } from "../run-many.ts";
import { numbers } from "../store.ts";
import type { Health, PhoneNumber } from "../types.ts";
import { Button, Content, count, Empty, Mark, Problem } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";

export function Overview() {
  const loaded = numbers.use();
  const failed = useLoaded(() => api.listDeliveries({ query: { state: "failed", limit: 1 } }), []);
  return (
    <>
      <h1>Overview</h1>
      <Content of={loaded}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="Bring your first number">
              <ol>
                <li>
                  <a href={href("agents", "new")}>Create an agent</a>: the one who answers. A name and a first
                  sentence are enough.
                </li>
                <li>
                  <a href={href("import")}>Import a number</a> that you own at Twilio. You see the plan before
                  anything changes.
                </li>
                <li>Ring the number. Its calls, texts and events appear here.</li>
              </ol>
            </Empty>
          ) : (
            <>
              <Numbers list={list} isLoading={loaded.isLoading} />
              <section>
                <h2>Needs attention</h2>
                <Attention list={list} failedEvents={failed.value?.count ?? 0} again={failed.again} />
              </section>
            </>
          )
        }
      </Content>
      <Usage />
    </>
  );
}

/** The answer first: how many numbers work. */
function Numbers({ list, isLoading }: { list: PhoneNumber[]; isLoading: boolean }) {
  const byHealth = BY_SEVERITY.map((health) => ({
    health,
    amount: list.filter((number) => number.health === health).length,
  })).filter(({ amount }) => amount > 0);
  const healthy = byHealth.find(({ health }) => health === "ok")?.amount ?? 0;
  return (
    <section class="headline">
      <p>
        <strong>{healthy.toLocaleString("en")}</strong> of {count(list.length, "number")}{" "}
        {healthy === 1 ? "is" : "are"} OK{isLoading && " so far…"}
      </p>
      <div class="strip" aria-hidden="true">
        {byHealth.toReversed().map(({ health, amount }) => (
          <span key={health} class={HEALTH[health].tone} style={{ flexGrow: amount }} />
        ))}
      </div>
      <ul class="legend">
        {byHealth.map(({ health, amount }) => (
          <li key={health}>
            <a href={href("numbers", { health })}>
              <Mark tone={HEALTH[health].tone}>
                {HEALTH[health].short} <b>{amount.toLocaleString("en")}</b>
              </Mark>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

type Group = { health: Health; account: string; phoneNumbers: string[] };

/** Numbers that have the same thing wrong; those of one account together if the account's token is what is wrong. */
export function groupsOf(list: readonly PhoneNumber[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { health, twilio_sid, phone_number } of list) {
    if (health === "ok") continue;
    const account = HEALTH[health].remedy === "token" ? twilio_sid : "";
    const group = groups.get(`${health}/${account}`) ?? { health, account, phoneNumbers: [] };
    group.phoneNumbers.push(phone_number);
    groups.set(`${health}/${account}`, group);
  }
  return [...groups.values()].sort((a, b) => BY_SEVERITY.indexOf(a.health) - BY_SEVERITY.indexOf(b.health));
}

function Attention({
  list,
  failedEvents,
  again,
}: {
  list: PhoneNumber[];
  failedEvents: number;
  again: () => void;
}) {
  const groups = groupsOf(list);
  const unanswered = list.filter(({ agent_id }) => agent_id === null).length;
  if (groups.length + unanswered + failedEvents === 0)
    return <p>Nothing. Every number is as it should be.</p>;
  return (
    <ul class="attention">
      {groups.map((group) => (
        <Item key={`${group.health}/${group.account}`} group={group} />
      ))}
      {unanswered > 0 && (
        <li>
          <div>
            <Mark tone="bad">{count(unanswered, "number")}: nobody answers</Mark>
            <p>Their agent was deleted, so callers hear that nobody takes calls.</p>
          </div>
          <a class="button" href={href("numbers", { agent: "nobody" })}>
            Choose an agent
          </a>
        </li>
      )}
      {failedEvents > 0 && <FailedEvents amount={failedEvents} again={again} />}
    </ul>
  );
}

function Item({ group: { health, account, phoneNumbers } }: { group: Group }) {
  const [isAsking, setAsking] = useState(false);
  const { short, means, tone, remedy } = HEALTH[health];
  const [first = ""] = phoneNumbers;
  const mend = useAction(() =>
    runMany(
      phoneNumbers,
      remedy === "repair" ? repair : check,
      () => undefined,
      new AbortController().signal,
      true,
    ),
  );
  return (
    <li>
      <div>
        <Mark tone={tone}>
          <a
            href={
              phoneNumbers.length === 1
                ? href("numbers", first)
                : href("numbers", { health, ...(account !== "" && { account }) })
            }
          >
            {phoneNumbers.length === 1 ? first : count(phoneNumbers.length, "number")}
          </a>
          : {short.toLowerCase()}
        </Mark>
        <p>
          {means} {account !== "" && <code>{account}</code>}
        </p>
        <Problem error={mend.error} />
      </div>
      {remedy === "token" && <Button onClick={() => setAsking(true)}>New token…</Button>}
      {(remedy === "repair" || remedy === "check") && (
        <Button onClick={mend.run} isBusy={mend.isBusy}>
          {remedy === "repair" ? "Repair" : "Check again"}
        </Button>
      )}
      {remedy === "look" && (
        <a
          class="button"
          href={phoneNumbers.length === 1 ? href("numbers", first) : href("numbers", { health })}
        >
          Look
        </a>
      )}
      {isAsking && <TokenDialog account={account} number={first} onClose={() => setAsking(false)} />}
    </li>
  );
}

const MOST = 100;

function FailedEvents({ amount, again }: { amount: number; again: () => void }) {
  const redeliver = useAction(async () => {
    const { deliveries } = await api.listDeliveries({ query: { state: "failed", limit: MOST } });
    const ids = deliveries.map(({ id }) => id);
    const act = (id: string) => api.redeliver({ path: { id } });
    await runMany(ids, act, () => undefined, new AbortController().signal, true);
    again();
  });
  return (
    <li>
      <div>
        <Mark tone="bad">
          <a href={href("events", { state: "failed" })}>{count(amount, "event")}</a> not delivered
        </Mark>
        <p>The agent's webhook_url did not accept them. Once it works, send them again.</p>
        <Problem error={redeliver.error} />
      </div>
      <Button onClick={redeliver.run} isBusy={redeliver.isBusy}>
        Redeliver
      </Button>
    </li>
  );
}

function Usage() {
  const loaded = useLoaded(() => api.getUsage(), []);
  return (
    <section>
      <h2>Calls and texts, the last 30 days</h2>
      <Content of={loaded}>
        {({ calls, sms, days }) => (
          <>
            <dl class="totals">
              <div>
                <dt>Calls in</dt>
                <dd>{calls.inbound.toLocaleString("en")}</dd>
              </div>
              <div>
                <dt>Calls out</dt>
                <dd>{calls.outbound.toLocaleString("en")}</dd>
              </div>
              <div>
                <dt>Minutes</dt>
                <dd>{Math.round(calls.minutes).toLocaleString("en")}</dd>
              </div>
              <div>
                <dt>Texts in</dt>
                <dd>{sms.received.toLocaleString("en")}</dd>
              </div>
              <div>
                <dt>Texts out</dt>
                <dd>{sms.sent.toLocaleString("en")}</dd>
              </div>
            </dl>
            <Chart days={days} />
          </>
        )}
      </Content>
    </section>
  );
}
