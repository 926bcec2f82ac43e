import { useState } from "preact/hooks";
import { AccountField, accountOf, NO_ACCOUNT } from "../account-field.tsx";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import { Plan } from "../plan.tsx";
import { go, href } from "../route.ts";
import { accounts } from "../store.ts";
import type { Agent, ImportPlan } from "../types.ts";
import { Button, Form, Line, Problem, Refusal, Title } from "../ui.tsx";
import { useAction } from "../use.ts";
import { onlyOf, WithAgents } from "./no-agent.tsx";

type Credentials = { phone_number: string; twilio_sid: string; twilio_token: string };

/** Fields that a person may paste together, in any order: an Account SID, an Auth Token and a number. */
export function pasted(text: string): Partial<Credentials> {
  const twilio_sid = /\bAC[0-9a-f]{32}\b/.exec(text)?.[0];
  const twilio_token = /(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])/.exec(text)?.[0];
  const phone_number = /\+[1-9]\d{6,14}\b/.exec(text)?.[0];
  return {
    ...(twilio_sid && { twilio_sid }),
    ...(twilio_token && { twilio_token }),
    ...(phone_number && { phone_number }),
  };
}

/** One number, or many: the heading and the way from one to the other. */
export function ImportTabs({ isMany }: { isMany: boolean }) {
  return (
    <>
      <Title>Import</Title>
      <nav class="tabs" aria-label="Kinds of import">
        <a class="tab" href={href("import")} aria-current={isMany ? undefined : "page"}>
          One number
        </a>
        <a class="tab" href={href("import", "many")} aria-current={isMany ? "page" : undefined}>
          Many numbers
        </a>
      </nav>
    </>
  );
}

export function Import() {
  return (
    <>
      <ImportTabs isMany={false} />
      <WithAgents>{(list) => <One agentList={list} />}</WithAgents>
    </>
  );
}

function One({ agentList }: { agentList: Agent[] }) {
  const [phoneNumber, setPhoneNumber] = useState("");
  const [account, setAccount] = useState(NO_ACCOUNT);
  const [chosen, choose] = useState("");
  const [plan, setPlan] = useState<ImportPlan>();
  const agentId = chosen || onlyOf(agentList);
  const body = { ...accountOf(account), phone_number: phoneNumber.trim(), agent_id: agentId };
  const planning = useAction(async () => {
    const answer = await api.importPhoneNumber({ query: { dry_run: "true" }, body });
    if ("dry_run" in answer) setPlan(answer);
  });
  const importing = useAction(async () => {
    await api.importPhoneNumber({ body: { ...body, ...(plan && { plan_hash: plan.plan_hash }) } });
    void accounts.reload();
    go("numbers", plan?.phone_number.phone_number ?? phoneNumber);
  });
  const paste = (event: ClipboardEvent) => {
    const { phone_number, ...found } = pasted(event.clipboardData?.getData("text") ?? "");
    if (Object.keys(found).length + (phone_number === undefined ? 0 : 1) < 2) return;
    event.preventDefault();
    setAccount({ ...account, ...found });
    if (phone_number !== undefined) setPhoneNumber(phone_number);
    setPlan(undefined);
  };
  return (
    <div class="columns">
      <section>
        <h2>The number</h2>
        <Form onSubmit={planning.run} error={planning.error}>
          <AccountField
            account={account}
            onAccount={(next) => {
              setAccount(next);
              setPlan(undefined);
            }}
            onPaste={paste}
          />
          <Line
            label="Phone number"
            name="phone_number"
            hint="With the plus and the country code."
            type="tel"
            placeholder="+447446466847"
            isRequired
            value={phoneNumber}
            onValue={(value) => {
              setPhoneNumber(value);
              setPlan(undefined);
            }}
            onPaste={paste}
          />
          <AgentField
            none="Choose an agent…"
            isRequired
            hint="Who answers from now on."
            agentList={agentList}
            agentId={agentId}
            onChoice={(agent_id) => {
              choose(agent_id);
              setPlan(undefined);
            }}
          />
          <Refusal />
          <Button type="submit" {...(plan === undefined && { kind: "primary" })} isBusy={planning.isBusy}>
            Show the plan
          </Button>
        </Form>
      </section>
      <section>
        <h2>The plan</h2>
        <p class="hidden" role="status">
          {plan !== undefined && "The plan is here."}
        </p>
        {plan === undefined ? (
          <p class="quiet">
            Nothing changes until you have seen here who answers the number today, what would change at Twilio
            and what to know before.
          </p>
        ) : (
          <>
            <Plan plan={plan} />
            <Problem error={importing.error} />
            <Button kind="primary" onClick={importing.run} isBusy={importing.isBusy}>
              Import this number
            </Button>
          </>
        )}
      </section>
    </div>
  );
}
