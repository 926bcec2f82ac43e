import { useState } from "preact/hooks";
import { api } from "../api.ts";
import type { Agent, Draft } from "../types.ts";
import { Button, Field, Form, Problem, textOf } from "../ui.tsx";
import { useAction } from "../use.ts";

type Said = { role: "caller" | "agent"; text: string };
type Answer = Awaited<ReturnType<typeof api.tryAgent>>;

const ACTIONS = {
  end: () => "Here the agent would end the call.",
  transfer: (number = "") => `Here the agent would put the caller through to ${number}.`,
};

/** What the API takes: the last of a long conversation. */
const MAX_SENT = 40;

/** A conversation with the agent, typed, by the instructions as they stand in the form. */
export function TryAgent({
  agent,
  draft,
  phoneNumber,
}: {
  agent: Agent;
  draft: Draft;
  phoneNumber?: string;
}) {
  const [said, setSaid] = useState<Said[]>([]);
  const [words, setWords] = useState("");
  const [action, setAction] = useState<Answer["action"]>(null);
  const ask = useAction(async () => {
    const messages: Said[] = [...said, { role: "caller", text: words.trim() }];
    const body = {
      messages: messages.slice(-MAX_SENT),
      ...(phoneNumber !== undefined && { phone_number: phoneNumber }),
      ...(draft.system_prompt !== "" && { system_prompt: draft.system_prompt }),
    };
    const answer = await api.tryAgent({ path: { agent_id: agent.agent_id }, body });
    setSaid(answer.text === "" ? messages : [...messages, { role: "agent", text: answer.text }]);
    setAction(answer.action);
    setWords("");
  });
  const begin = () => {
    setSaid([]);
    setAction(null);
  };
  if (draft.connect !== "builtin")
    return (
      <p class="quiet">Only an agent that talks by itself can be tried here. Call one of its numbers.</p>
    );
  return (
    <>
      <ol class="talk" aria-live="polite" aria-label="Test conversation">
        {said.map(({ role, text }, at) => (
          <li key={at} class={role}>
            <strong>{role === "caller" ? "You" : "Agent"}</strong> {text}
          </li>
        ))}
        {action && <li class="note">{ACTIONS[action.type](action.number)}</li>}
      </ol>
      <Form onSubmit={ask.run}>
        <Field
          label="Say something"
          hint="By the instructions as they stand here, saved or not. Nothing is kept."
        >
          {(ids) => (
            <input
              {...ids}
              required
              maxLength={1_600}
              autocomplete="off"
              value={words}
              onInput={(event) => setWords(textOf(event))}
            />
          )}
        </Field>
        <Problem error={ask.error} />
        <div class="actions">
          <Button type="submit" isBusy={ask.isBusy}>
            Say it
          </Button>
          {said.length > 0 && <Button onClick={begin}>Begin anew</Button>}
        </div>
      </Form>
    </>
  );
}
