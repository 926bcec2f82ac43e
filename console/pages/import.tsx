import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import { Plan } from "../plan.tsx";
import { go, href } from "../route.ts";
import { agents } from "../store.ts";
import type { Agent, ImportPlan } from "../types.ts";
import { Button, Content, Empty, Field, Form, Problem, textOf } from "../ui.tsx";
import { useAction } from "../use.ts";

export type Credentials = {
  phone_number: string;
  twilio_sid: string;
  twilio_token: string;
  agent_id: string;
};

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

export function Import() {
  const agentList = agents.use();
  return (
    <>
      <h1>Import</h1>
      <nav class="tabs" aria-label="Kinds of import">
        <a class="tab" href={href("import")} aria-current="page">
          One number
        </a>
        <a class="tab" href={href("import", "many")}>
          Many numbers
        </a>
      </nav>
      <Content of={agentList}>
        {(list) => (list.length === 0 ? <NoAgent /> : <One agentList={list} />)}
      </Content>
    </>
  );
}

/** Of several agents somebody chooses; nobody is guessed. */
export const onlyOf = (agentList: readonly Agent[]): string =>
  agentList.length === 1 ? (agentList[0]?.agent_id ?? "") : "";

export function NoAgent() {
  return (
    <Empty title="First, an agent">
      <p>A number needs somebody who answers it. A name and a first sentence are enough to begin with.</p>
      <a class="button primary" href={href("agents", "new")}>
        Create an agent
      </a>
    </Empty>
  );
}

function One({ agentList }: { agentList: Agent[] }) {
  const [fields, setFields] = useState<Credentials>({
    phone_number: "",
    twilio_sid: "",
    twilio_token: "",
    agent_id: "",
  });
  const [plan, setPlan] = useState<ImportPlan>();
  const agentId = fields.agent_id || onlyOf(agentList);
  const change = (part: Partial<Credentials>) => {
    setFields({ ...fields, ...part });
    setPlan(undefined);
  };
  const planning = useAction(async () => {
    const answer = await api.importPhoneNumber({
      query: { dry_run: "true" },
      body: { ...fields, agent_id: agentId },
    });
    if ("dry_run" in answer) setPlan(answer);
  });
  const importing = useAction(async () => {
    const hash = plan === undefined ? {} : { plan_hash: plan.plan_hash };
    await api.importPhoneNumber({ body: { ...fields, agent_id: agentId, ...hash } });
    go("numbers", plan?.phone_number.phone_number ?? fields.phone_number);
  });
  const paste = (event: ClipboardEvent) => {
    const found = pasted(event.clipboardData?.getData("text") ?? "");
    if (Object.keys(found).length < 2) return;
    event.preventDefault();
    change(found);
  };
  const input = (name: keyof Credentials, label: string, hint: string, placeholder: string) => (
    <Field label={label} hint={hint}>
      {(ids) => {
        const common = {
          ...ids,
          autocomplete: "off",
          spellcheck: false,
          required: !name.startsWith("twilio_"),
          placeholder,
          value: fields[name],
          onPaste: paste,
          onInput: (event: TargetedEvent<HTMLInputElement>) => change({ [name]: textOf(event) }),
        };
        return name === "twilio_token" ? <input type="password" {...common} /> : <input {...common} />;
      }}
    </Field>
  );
  return (
    <div class="columns">
      <section>
        <h2>The number</h2>
        <Form onSubmit={planning.run}>
          {input("phone_number", "Phone number", "With the plus and the country code.", "+447446466847")}
          {input("twilio_sid", "Account SID", "Of the account that owns the number.", "AC…")}
          {input(
            "twilio_token",
            "Auth Token",
            "Sent once, stored sealed, never shown again. Not needed if the account is known here. You can paste all three at once.",
            "",
          )}
          <AgentField
            none="Choose an agent…"
            isRequired
            hint="Who answers from now on."
            agentList={agentList}
            agentId={agentId}
            onChoice={(agent_id) => change({ agent_id })}
          />
          <Problem error={planning.error} />
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
