import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import { may } from "../may.ts";
import { href } from "../route.ts";
import { type Column, Table } from "../table.tsx";
import { Totals } from "../totals.tsx";
import type { Agent, Usage } from "../types.ts";
import { Button, Content, Empty, Field, Form, Line, Refusal, Title, textOf } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { onlyOf, WithAgents } from "./no-agent.tsx";

const DAYS: Column<Usage["days"][number]>[] = [
  { title: "Day (UTC)", cell: ({ date }) => date },
  { title: "Texts", cell: ({ sms }) => sms.toLocaleString("en") },
];

const EVENTS = [
  ["sms.received", "Texts received"],
  ["sms.delivered", "Texts delivered"],
  ["sms.failed", "Texts that failed"],
  ["sms.opted_out", "Opted out"],
] as const;

/** Texts are counted here, and not kept. */
export function Texts() {
  const loaded = useLoaded(() => api.getUsage(), []);
  return (
    <>
      <Title>Texts</Title>
      <Content of={loaded}>
        {({ sms, days }) =>
          sms.received + sms.sent === 0 ? (
            <Empty title="No texts in the last 30 days">
              <p>Send one below, or text one of your numbers. Its agent decides who answers.</p>
            </Empty>
          ) : (
            <section>
              <h2>The last 30 days</h2>
              <Totals of={{ "Texts in": sms.received, "Texts out": sms.sent }} />
              <Table
                caption="Texts by day"
                columns={DAYS}
                rows={days.filter(({ sms: amount }) => amount > 0).toReversed()}
                keyOf={({ date }) => date}
              />
            </section>
          )
        }
      </Content>
      <section>
        <h2>What they say</h2>
        <p>
          A text itself is in Twilio's log. Here it is in its event, until 7 days after your server has got
          that:
        </p>
        <ul class="legend">
          {EVENTS.map(([event, title]) => (
            <li key={event}>
              <a href={href("events", { event })}>{title}</a>
            </li>
          ))}
        </ul>
      </section>
      {may("number") && <WithAgents>{(list) => <Send list={list} />}</WithAgents>}
    </>
  );
}

const NOTHING = { agent_id: "", from_number: "", to: "", message: "" };

function Send({ list }: { list: Agent[] }) {
  const [draft, setDraft] = useState(NOTHING);
  const [sent, setSent] = useState("");
  const change = (part: Partial<typeof NOTHING>) => {
    setDraft({ ...draft, ...part });
    setSent("");
  };
  const agentId = draft.agent_id || onlyOf(list);
  const send = useAction(async () => {
    const { from_number, to, message } = draft;
    const from = from_number.trim() === "" ? {} : { from_number: from_number.trim() };
    const answer = await api.sendText({ body: { agent_id: agentId, to: to.trim(), message, ...from } });
    setSent(`Twilio has it: ${answer.status}, from ${answer.from} to ${answer.to}.`);
    setDraft({ ...draft, message: "" });
  });
  return (
    <section>
      <h2>Send a text</h2>
      <Form onSubmit={send.run} error={send.error}>
        <AgentField
          none="Choose an agent…"
          isRequired
          hint="It leaves from one of this agent's numbers."
          agentList={list}
          agentId={agentId}
          onChoice={(agent_id) => change({ agent_id })}
        />
        <Line
          label="From"
          name="from_number"
          hint="One of its numbers. Empty: its first."
          type="tel"
          isRequired={!may("read_all")}
          value={draft.from_number}
          onValue={(from_number) => change({ from_number })}
        />
        <Line
          label="To"
          name="to"
          hint="With the plus and the country code. Twilio charges for the text."
          type="tel"
          isRequired
          value={draft.to}
          onValue={(to) => change({ to })}
        />
        <Field label="Text" name="message">
          {(ids) => (
            <textarea
              {...ids}
              rows={3}
              maxLength={1_600}
              required
              value={draft.message}
              onInput={(event) => change({ message: textOf(event) })}
            />
          )}
        </Field>
        <Refusal />
        <div class="actions">
          <Button type="submit" kind="primary" isBusy={send.isBusy}>
            Send
          </Button>
          <span role="status">{sent}</span>
        </div>
      </Form>
    </section>
  );
}
