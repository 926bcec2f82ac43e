import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { Chart } from "../chart.tsx";
import { BY_SEVERITY, HEALTH } from "../health.ts";
import { may } from "../may.ts";
import { check, repair, TokenDialog } from "../mend.tsx";
import { href } from "../route.ts";
import { runMany } from "../run-many.ts";
import { allNumbers } from "../store.ts";
import { Totals } from "../totals.tsx";
import type { Health } from "../types.ts";
import { Button, Content, count, Empty, Mark, Problem, Tel, Title } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { Start } from "./start.tsx";

type AccountHealth = Awaited<ReturnType<typeof api.getAccountHealth>>;

export function Overview() {
  return (
    <>
      <Title>Overview</Title>
      {may("read_all") ? <WholeKey /> : <OneCustomer />}
    </>
  );
}

function WholeKey() {
  const loaded = useLoaded(() => api.getAccountHealth(), []);
  const failed = useLoaded(() => api.listDeliveries({ query: { state: "failed", limit: 1 } }), []);
  const unanswered = useLoaded(() => api.listPhoneNumbers({ query: { agent_id: "none", limit: 1 } }), []);
  return (
    <Content of={loaded}>
      {(health) =>
        health.phone_numbers.count === 0 ? (
          may("all") ? (
            <>
              <p>
                Five steps to a number that rings. You see the plan before anything changes. Or{" "}
                <a href={href("links")}>send a link</a> to somebody who connects his own account.
              </p>
              <Start />
            </>
          ) : (
            <NoNumbers />
          )
        ) : (
          <>
            <Numbers of={health.phone_numbers} />
            <section>
              <h2>Needs attention</h2>
              <Attention
                groups={groupsOf(health)}
                again={loaded.again}
                unanswered={unanswered.value?.count ?? 0}
                failedEvents={failed.value?.count ?? 0}
                againEvents={failed.again}
              />
            </section>
            <Usage />
          </>
        )
      }
    </Content>
  );
}

function NoNumbers() {
  return (
    <Empty title="No numbers yet">
      <p>When there are some, you see here how they are.</p>
    </Empty>
  );
}

/** What a secret sees that is limited to one external id. */
function OneCustomer() {
  const loaded = useLoaded(async () => {
    const [all, ill] = await Promise.all([
      api.listPhoneNumbers({ query: { limit: 1 } }),
      api.listPhoneNumbers({ query: { limit: 1, health: "attention" } }),
    ]);
    return { all: all.count, ill: ill.count };
  }, []);
  return (
    <>
      <Content of={loaded}>
        {({ all, ill }) =>
          all === 0 ? (
            <NoNumbers />
          ) : (
            <section class="headline">
              <OkCount amount={all - ill} of={all} />
              {ill > 0 && (
                <a class="button" href={href("numbers", { health: "attention" })}>
                  See what is wrong
                </a>
              )}
            </section>
          )
        }
      </Content>
      <Usage />
    </>
  );
}

/** The answer first: how many numbers work. */
function OkCount({ amount, of }: { amount: number; of: number }) {
  return (
    <p>
      <strong>{amount.toLocaleString("en")}</strong> of {count(of, "number")} {amount === 1 ? "is" : "are"} OK
    </p>
  );
}

function Numbers({ of: { count: all, by_health } }: { of: AccountHealth["phone_numbers"] }) {
  const byHealth = BY_SEVERITY.map((health) => ({ health, amount: by_health[health] ?? 0 })).filter(
    ({ amount }) => amount > 0,
  );
  return (
    <section class="headline">
      <OkCount amount={by_health.ok ?? 0} of={all} />
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

type Group = { health: Health; account: string };

/** What is wrong with some numbers, the most serious first; for each account, if the account's token is what is wrong. */
export function groupsOf({ phone_numbers, twilio_accounts }: AccountHealth): Group[] {
  return BY_SEVERITY.filter((health) => health !== "ok" && phone_numbers.by_health[health]).flatMap(
    (health) => {
      if (HEALTH[health].remedy !== "token") return [{ health, account: "" }];
      const refused = twilio_accounts.filter((account) => account.health === health);
      return [...new Set(refused.map(({ twilio_sid }) => twilio_sid))].map((account) => ({
        health,
        account,
      }));
    },
  );
}

type AttentionOf = {
  groups: Group[];
  again: () => void;
  unanswered: number;
  failedEvents: number;
  againEvents: () => void;
};

function Attention({ groups, again, unanswered, failedEvents, againEvents }: AttentionOf) {
  if (groups.length + unanswered + failedEvents === 0)
    return <p>Nothing. Every number is as it should be.</p>;
  return (
    <ul class="attention">
      {groups.map((group) => (
        <Item key={`${group.health}/${group.account}`} group={group} again={again} />
      ))}
      {unanswered > 0 && (
        <li>
          <div>
            <Mark tone="bad">{count(unanswered, "number")}: nobody answers</Mark>
            <p>Their agent was deleted, so callers hear that nobody takes calls.</p>
          </div>
          <a class="button" href={href("numbers", { agent: "none" })}>
            Choose an agent
          </a>
        </li>
      )}
      {failedEvents > 0 && <FailedEvents amount={failedEvents} again={againEvents} />}
    </ul>
  );
}

function Item({ group: { health, account }, again }: { group: Group; again: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const { short, means, tone, remedy } = HEALTH[health];
  const query = { health, ...(account !== "" && { twilio_sid: account }) };
  const loaded = useLoaded(() => api.listPhoneNumbers({ query: { ...query, limit: 1 } }), [health, account]);
  const mend = useAction(async () => {
    const found = (await allNumbers(query)).map(({ phone_number }) => phone_number);
    const act = remedy === "repair" ? repair : check;
    await runMany(found, act, () => undefined, new AbortController().signal, true).finally(again);
  });
  return (
    <li>
      <Content of={loaded}>
        {({ phone_numbers: [first], count: amount }) => {
          if (!first) return null;
          const link =
            amount === 1
              ? href("numbers", first.phone_number)
              : href("numbers", { health, ...(account !== "" && { account }) });
          return (
            <>
              <div>
                <Mark tone={tone}>
                  <a href={link}>
                    {amount === 1 ? <Tel of={first.phone_number} /> : count(amount, "number")}
                  </a>
                  : {short.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())}
                </Mark>
                <p>
                  {means} {account !== "" && <code>{account}</code>}
                </p>
                <Problem error={mend.error} />
              </div>
              {remedy === "token" && may("all") && (
                <Button onClick={() => setAsking(true)}>New token…</Button>
              )}
              {(remedy === "repair" || remedy === "check") && may("number") && (
                <Button onClick={mend.run} isBusy={mend.isBusy}>
                  {remedy === "repair" ? "Repair" : "Check again"}
                </Button>
              )}
              {remedy === "look" && (
                <a class="button" href={link}>
                  Look
                </a>
              )}
              {isAsking && (
                <TokenDialog
                  account={account}
                  number={first.phone_number}
                  onSaved={again}
                  onClose={() => setAsking(false)}
                />
              )}
            </>
          );
        }}
      </Content>
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
      {may("all") && (
        <Button onClick={redeliver.run} isBusy={redeliver.isBusy}>
          Redeliver
        </Button>
      )}
    </li>
  );
}

function Usage() {
  const loaded = useLoaded(() => api.getUsage(), []);
  return (
    <section>
      <h2>Calls and texts, the last 30 days (UTC)</h2>
      <Content of={loaded}>
        {({ calls, sms, days }) => (
          <>
            <Totals
              of={{
                "Calls in": calls.inbound,
                "Calls out": calls.outbound,
                Minutes: Math.round(calls.minutes),
                "Texts in": sms.received,
                "Texts out": sms.sent,
              }}
            />
            <Chart days={days} />
          </>
        )}
      </Content>
    </section>
  );
}
