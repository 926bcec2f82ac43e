import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { HEALTH } from "../health.ts";
import { may } from "../may.ts";
import { check, repair, TokenDialog } from "../mend.tsx";
import { Warnings } from "../plan.tsx";
import { href } from "../route.ts";
import { agents } from "../store.ts";
import type { PhoneNumber } from "../types.ts";
import { Button, Content, Field, HealthMark, Problem, Tel, textOf, When } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { CallTable } from "./call-table.tsx";
import { AsItSpeaks, Own } from "./number-own.tsx";
import { Release } from "./release.tsx";
import { TestCall } from "./test-call.tsx";
import { Timeline } from "./timeline.tsx";

export function NumberPage({ phoneNumber }: { phoneNumber: string }) {
  const loaded = useLoaded(
    async () => (await api.getPhoneNumber({ path: { number: phoneNumber } })).phone_number,
    [phoneNumber],
  );
  return (
    <>
      <p class="back">
        <a href={href("numbers")}>Numbers</a>
      </p>
      <h1>{loaded.value?.label ?? <Tel of={phoneNumber} />}</h1>
      {loaded.value && (loaded.value.external_id ?? loaded.value.label) !== null && (
        <p class="quiet">
          {loaded.value.external_id && <code>{loaded.value.external_id}</code>}
          {loaded.value.external_id && loaded.value.label && " · "}
          {loaded.value.label && <Tel of={phoneNumber} />}
        </p>
      )}
      <Content of={loaded}>{(number) => <Parts number={number} put={loaded.put} />}</Content>
    </>
  );
}

type Shown = { number: PhoneNumber; put: (number: PhoneNumber) => void };

function Parts({ number, put }: Shown) {
  return (
    <>
      <Health number={number} put={put} />
      <Settings number={number} put={put} />
      <Own number={number} put={put} />
      <AsItSpeaks number={number} />
      {may("number") && <TestCall number={number} />}
      <section>
        <h2>Calls</h2>
        <CallTable query={{ phone_number: number.phone_number, limit: 10 }} />
      </section>
      <Timeline number={number} />
      <Facts number={number} />
      {may("all") && <Release number={number} />}
    </>
  );
}

function Health({ number, put }: Shown) {
  const [isAsking, ask] = useState(false);
  const checking = useAction(() => check(number.phone_number).then(put));
  const repairing = useAction(() => repair(number.phone_number).then(put));
  const reasons = number.health_reasons.length > 0 ? number.health_reasons : [number.health];
  const remedies = new Set(reasons.map((reason) => HEALTH[reason].remedy));
  return (
    <section class={`health ${HEALTH[number.health].tone}`}>
      <h2 class="hidden">Health</h2>
      {reasons.map((reason) => (
        <p key={reason}>
          <HealthMark health={reason} /> <span>{HEALTH[reason].means}</span>
        </p>
      ))}
      <Warnings of={number.warnings} />
      <p class="quiet">
        Last checked: <When at={number.checked_at} never="not yet" />
      </p>
      <Problem error={checking.error ?? repairing.error} />
      {may("number") && (
        <div class="actions">
          {remedies.has("token") && may("all") && (
            <Button kind="primary" onClick={() => ask(true)}>
              New token…
            </Button>
          )}
          {remedies.has("repair") && (
            <Button kind="primary" onClick={repairing.run} isBusy={repairing.isBusy}>
              Repair
            </Button>
          )}
          <Button onClick={checking.run} isBusy={checking.isBusy}>
            Check now
          </Button>
          {!remedies.has("token") && may("all") && <Button onClick={() => ask(true)}>New token…</Button>}
        </div>
      )}
      {isAsking && (
        <TokenDialog
          account={number.twilio_sid}
          number={number.phone_number}
          onSaved={put}
          onClose={() => ask(false)}
        />
      )}
    </section>
  );
}

/** What comes here; one that does not is as it was found at Twilio. */
const CHANNELS = [
  ["voice", "Take over its calls"],
  ["sms", "Take over its texts"],
] as const;

type Change = Partial<
  Pick<PhoneNumber, "inbound_enabled" | "outbound_enabled" | "drift_policy" | "channels"> & {
    agent_id: string;
  }
>;

function Settings({ number, put }: Shown) {
  const agentList = agents.use().value ?? [];
  const [wanted, want] = useState<Change>({});
  const { run, error, isBusy } = useAction(async (body: Change) => {
    want(body);
    const { phone_number } = await api.changePhoneNumber({ path: { number: number.phone_number }, body });
    put(phone_number as PhoneNumber);
  });
  // What was clicked is shown at once, and stays only if the API agrees.
  const shown = { ...number, ...(isBusy && wanted) };
  const isDisabled = isBusy || !may("number");
  const box = (name: "inbound_enabled" | "outbound_enabled", label: string) => (
    <label class="choice">
      <input
        type="checkbox"
        checked={shown[name]}
        disabled={isDisabled}
        onChange={() => run({ [name]: !number[name] })}
      />
      {label}
    </label>
  );
  return (
    <section>
      <h2>Who answers</h2>
      <Field label="Agent">
        {(ids) => (
          <select
            {...ids}
            value={shown.agent_id ?? ""}
            disabled={isDisabled || !may("all")}
            onChange={(event) => run({ agent_id: textOf(event) })}
          >
            {number.agent_id === null && (
              <option value="">Nobody: callers hear that nobody takes calls</option>
            )}
            {agentList.map(({ agent_id, name }) => (
              <option key={agent_id} value={agent_id}>
                {name}
              </option>
            ))}
            {number.agent_id !== null && !agentList.some(({ agent_id }) => agent_id === number.agent_id) && (
              <option value={number.agent_id}>{number.agent_id}</option>
            )}
          </select>
        )}
      </Field>
      {number.agent_id !== null && (
        <p>
          <a href={href("agents", number.agent_id)}>This agent</a>
        </p>
      )}
      {CHANNELS.map(([channel, label]) => (
        <label key={channel} class="choice">
          <input
            type="checkbox"
            checked={shown.channels.includes(channel)}
            disabled={isDisabled || String(shown.channels) === channel}
            onChange={() =>
              run({
                channels: CHANNELS.map(([each]) => each).filter(
                  (each) => (each === channel) !== number.channels.includes(each),
                ),
              })
            }
          />
          {label}
        </label>
      ))}
      {box("inbound_enabled", "Answer its calls and texts")}
      {box("outbound_enabled", "Allow calls and texts from it")}
      <Field label="If somebody changes it at Twilio">
        {(ids) => (
          <select
            {...ids}
            value={shown.drift_policy}
            disabled={isDisabled}
            onChange={(event) => run({ drift_policy: textOf(event) as PhoneNumber["drift_policy"] })}
          >
            <option value="repair">Repair it, and tell me</option>
            <option value="report">Only tell me</option>
          </select>
        )}
      </Field>
      <Problem error={error} />
    </section>
  );
}

function Facts({ number }: { number: PhoneNumber }) {
  return (
    <section>
      <h2>At Twilio</h2>
      <dl class="facts">
        <dt>Account</dt>
        <dd>
          <code>{number.twilio_sid}</code>
        </dd>
        <dt>Number SID</dt>
        <dd>
          <code>{number.twilio_number_sid}</code>
        </dd>
        <dt>Region</dt>
        <dd>{number.region}</dd>
      </dl>
    </section>
  );
}
