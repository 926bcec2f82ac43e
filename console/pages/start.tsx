import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { AnsweredBy } from "../answered-by.tsx";
import { api } from "../api.ts";
import { useNumberPages } from "../number-pages.ts";
import { Plan } from "../plan.tsx";
import { href } from "../route.ts";
import { Steps } from "../steps.tsx";
import { accounts, agents } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import type { AvailableNumber, ImportPlan, TwilioAccount } from "../types.ts";
import { Button, Content, count, Form, Line, Problem, Refusal, Tel, Title } from "../ui.tsx";
import { useAction, useEvery, useLoaded } from "../use.ts";
import { ConnectForm, nameOfAccount } from "./accounts.tsx";
import { startImport } from "./bulk-job.tsx";
import { onlyOf } from "./no-agent.tsx";
import { TestCall } from "./test-call.tsx";

// From an empty key to a number that rings: an account, its numbers, an agent, the plan, a call.

const STEPS = ["Account", "Numbers", "Agent", "Plan", "Call"] as const;

export function StartPage({ accountId }: { accountId: string }) {
  return (
    <>
      <Title>Bring your numbers</Title>
      <Start accountId={accountId} />
    </>
  );
}

/** @param accountId of an account that somebody has chosen elsewhere; empty: none */
export function Start({ accountId = "" }: { accountId?: string }) {
  const [account, setAccount] = useState<TwilioAccount>();
  const [numbers, setNumbers] = useState<readonly AvailableNumber[]>([]);
  const [agentId, setAgentId] = useState("");
  const [imported, setImported] = useState("");
  const known = accounts.use();
  const chosen = account ?? known.value?.find(({ twilio_account_id }) => twilio_account_id === accountId);
  const [first] = numbers;
  const at = imported !== "" ? 4 : !chosen ? 0 : !first ? 1 : agentId === "" ? 2 : 3;
  return (
    <>
      <Steps names={STEPS} at={at} />
      {at === 0 && (
        <Content of={known}>{(list) => <ChooseAccount known={list} onAccount={setAccount} />}</Content>
      )}
      {at === 1 && chosen && <ChooseNumbers account={chosen} onNumbers={setNumbers} />}
      {at === 2 && <ChooseAgent amount={numbers.length} onAgent={setAgentId} />}
      {at === 3 && chosen && first && (
        <Confirm {...{ account: chosen, numbers, agentId }} onImported={setImported} />
      )}
      {imported !== "" && <Ring phoneNumber={imported} />}
      {at > 1 && at < 4 && <Button onClick={() => (at === 3 ? setAgentId("") : setNumbers([]))}>Back</Button>}
    </>
  );
}

function ChooseAccount({
  known,
  onAccount,
}: {
  known: TwilioAccount[];
  onAccount: (account: TwilioAccount) => void;
}) {
  return (
    <>
      {known.length > 0 && (
        <section>
          <h2>Whose numbers?</h2>
          <div class="actions">
            {known.map((account) => (
              <Button key={account.twilio_account_id} onClick={() => onAccount(account)}>
                {nameOfAccount(account)}
              </Button>
            ))}
          </div>
        </section>
      )}
      <section>
        <h2>{known.length > 0 ? "Or of another account" : "Connect your Twilio account"}</h2>
        <p>Nothing changes at Twilio yet. The credentials stay sealed here.</p>
        <ConnectForm onConnected={onAccount} />
      </section>
    </>
  );
}

const COLUMNS: Column<AvailableNumber>[] = [
  { title: "Number", cell: ({ phone_number }) => <Tel of={phone_number} /> },
  {
    title: "Calls go today to",
    cell: ({ answered_by, imported }) =>
      imported ? "imported already" : <AnsweredBy who={answered_by.voice} />,
  },
  { title: "Name at Twilio", isWide: true, cell: ({ friendly_name }) => friendly_name },
];

function ChooseNumbers({
  account: { twilio_account_id },
  onNumbers,
}: {
  account: TwilioAccount;
  onNumbers: (numbers: AvailableNumber[]) => void;
}) {
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const { numbers, next, ...load } = useNumberPages((query) =>
    api.listAvailableNumbers({ path: { twilio_account_id }, query }),
  );
  const toggle = ({ phone_number }: AvailableNumber) => {
    const others = new Set(chosen);
    if (!others.delete(phone_number)) others.add(phone_number);
    choose(others);
  };
  return (
    <section>
      <h2>Which numbers?</h2>
      {numbers === undefined && load.isBusy && <p role="status">Asking Twilio…</p>}
      <Problem error={load.error} />
      {load.error !== undefined && (
        <Button onClick={() => load.run()} isBusy={load.isBusy}>
          Try again
        </Button>
      )}
      {numbers?.length === 0 && next === null && (
        <p>
          This account has no numbers. Buy one at Twilio, or{" "}
          <a href={href("accounts")}>connect the account</a> that has yours.
        </p>
      )}
      {numbers !== undefined && numbers.length > 0 && (
        <Table
          caption="Numbers of this account"
          columns={COLUMNS}
          rows={numbers}
          keyOf={({ phone_number }) => phone_number}
          choice={{
            title: <span class="hidden">Choose</span>,
            labelOf: ({ phone_number, imported }) => (imported ? undefined : `Choose ${phone_number}`),
            isChosen: ({ phone_number }) => chosen.has(phone_number),
            onToggle: toggle,
          }}
        />
      )}
      <div class="actions">
        {next !== null && (
          <Button onClick={() => load.run(next)} isBusy={load.isBusy}>
            More numbers
          </Button>
        )}
        <Button
          kind="primary"
          isDisabled={chosen.size === 0}
          onClick={() => onNumbers((numbers ?? []).filter(({ phone_number }) => chosen.has(phone_number)))}
        >
          {chosen.size === 0 ? "Choose a number" : `Go on with ${count(chosen.size, "number")}`}
        </Button>
      </div>
    </section>
  );
}

function ChooseAgent({ amount, onAgent }: { amount: number; onAgent: (agentId: string) => void }) {
  const loaded = agents.use();
  const [agentId, setAgentId] = useState("");
  const [draft, setDraft] = useState({ name: "", welcome_message: "", system_prompt: "" });
  const make = useAction(async () => {
    const given = Object.fromEntries(Object.entries(draft).filter(([, text]) => text !== ""));
    const { agent_id } = await api.createAgent({ body: { ...given, name: draft.name } });
    await agents.reload();
    onAgent(agent_id);
  });
  const line = (name: keyof typeof draft, label: string, hint: string) => (
    <Line
      {...{ label, name, hint }}
      isRequired={name === "name"}
      value={draft[name]}
      onValue={(value) => setDraft({ ...draft, [name]: value })}
    />
  );
  return (
    <Content of={loaded}>
      {(list) => (
        <>
          {list.length > 0 && (
            <section>
              <h2>Who answers {amount === 1 ? "it" : "them"}?</h2>
              <Form onSubmit={() => onAgent(agentId || onlyOf(list))}>
                <AgentField
                  none="Choose an agent…"
                  isRequired
                  agentList={list}
                  agentId={agentId || onlyOf(list)}
                  onChoice={setAgentId}
                />
                <Button type="submit" kind="primary">
                  Show the plan
                </Button>
              </Form>
            </section>
          )}
          <section>
            <h2>{list.length > 0 ? "Or somebody new" : `Who answers ${amount === 1 ? "it" : "them"}?`}</h2>
            <Form onSubmit={make.run} error={make.error}>
              {line("name", "Name", "Only you see it.")}
              {line("welcome_message", "Welcome message", "The first sentence that a caller hears.")}
              {line(
                "system_prompt",
                "Instructions",
                "What the agent should know and do. You can add more later.",
              )}
              <Refusal />
              <Button type="submit" {...(list.length === 0 && { kind: "primary" })} isBusy={make.isBusy}>
                Make this agent
              </Button>
            </Form>
          </section>
        </>
      )}
    </Content>
  );
}

function Confirm({
  account: { twilio_sid },
  numbers,
  agentId,
  onImported,
}: {
  account: TwilioAccount;
  numbers: readonly AvailableNumber[];
  agentId: string;
  onImported: (phoneNumber: string) => void;
}) {
  const [first] = numbers;
  const isOne = numbers.length === 1;
  const order = { twilio_sid, agent_id: agentId };
  const body = { ...order, phone_number: first?.phone_number ?? "" };
  const plan = useLoaded<ImportPlan | undefined>(async () => {
    if (!isOne) {
      const items = numbers.map(({ phone_number }) => ({ phone_number }));
      await startImport(order, { items }, true);
      return undefined;
    }
    const answer = await api.importPhoneNumber({ query: { dry_run: "true" }, body });
    return "dry_run" in answer ? answer : undefined;
  }, []);
  const bring = useAction(async () => {
    await api.importPhoneNumber({
      body: { ...body, ...(plan.value && { plan_hash: plan.value.plan_hash }) },
    });
    void accounts.reload();
    onImported(body.phone_number);
  });
  return (
    <section>
      <h2>The plan for {isOne ? <Tel of={body.phone_number} /> : count(numbers.length, "number")}</h2>
      <Content of={plan}>
        {(shown) =>
          shown && (
            <>
              <Plan plan={shown} />
              <Problem error={bring.error} />
              <Button kind="primary" onClick={bring.run} isBusy={bring.isBusy}>
                Import this number
              </Button>
            </>
          )
        }
      </Content>
    </section>
  );
}

const LOOK_AGAIN_MS = 3_000;

/** The number is here: it calls its owner, or waits for his call. */
function Ring({ phoneNumber }: { phoneNumber: string }) {
  const loaded = useLoaded(
    async () => (await api.getPhoneNumber({ path: { number: phoneNumber } })).phone_number,
    [phoneNumber],
  );
  const isWaiting = loaded.value?.first_inbound_at === null;
  useEvery(LOOK_AGAIN_MS, isWaiting, loaded.again);
  return (
    <>
      <section>
        <h2>
          <Tel of={phoneNumber} /> is here
        </h2>
        <p role="status">
          {isWaiting || !loaded.value
            ? "Ring it now: its first call appears here."
            : "It rang, and the agent answered. That is all."}
        </p>
        <a class="button" href={href("numbers", phoneNumber)}>
          Its page
        </a>
      </section>
      {loaded.value && <TestCall number={loaded.value} />}
    </>
  );
}
