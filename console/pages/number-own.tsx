import { useState } from "preact/hooks";
import { readOwn } from "../../sdk/cli/own.ts";
import { api } from "../api.ts";
import { Hears } from "../hears.tsx";
import { may } from "../may.ts";
import { agents } from "../store.ts";
import type { Agent, PhoneNumber } from "../types.ts";
import { Button, Field, Form, Refusal, textOf } from "../ui.tsx";
import { useAction } from "../use.ts";
import { draftOf } from "./agents.tsx";
import { TryAgent } from "./try-agent.tsx";

// What is the number's own, beside what it has of its agent.

type Name = keyof typeof FIELDS;
type Kind = "line" | "text" | "choice" | "texts";

/** The agent has these too; a number without its own inherits them. */
const INHERITED = [
  "welcome_message",
  "language",
  "voice_id",
  "transfer_numbers",
  "fallback",
  "record",
  "sms_reply",
  "inbound_url",
] as const;

const FIELDS = {
  label: { title: "Label", kind: "line", hint: "A name for people." },
  external_id: { title: "Your id", kind: "line", hint: "Your own id of the business." },
  welcome_message: { title: "Welcome message", kind: "line" },
  custom_prompt: { title: "Instructions", kind: "text", hint: "They follow the agent's." },
  sms_prompt: { title: "Instructions for texts", kind: "text", hint: "They follow both." },
  dynamic_vars: { title: "Texts for {{name}}", kind: "texts", hint: "A line each: hours=nine to five" },
  transfer_numbers: { title: "Puts callers through to", kind: "line" },
  fallback: { title: "If that fails", kind: "line" },
  language: { title: "Language", kind: "line" },
  voice_id: { title: "Voice", kind: "line" },
  record: { title: "Record calls", kind: "choice" },
  sms_reply: { title: "Answers texts by itself", kind: "choice" },
  inbound_url: { title: "Asked before it answers", kind: "line" },
  metadata: { title: "Metadata", kind: "texts", hint: "A line each: crm=4711" },
} satisfies Record<string, { title: string; kind: Kind; hint?: string }>;

const NAMES = Object.keys(FIELDS) as Name[];

/** A value as its input shows it; empty: not set. */
function inputOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "object") return String(value);
  if ("type" in value) return "number" in value ? String(value.number) : inputOf(Object(value).text);
  // A text of several lines is written as JSON, and so is one that looks like it.
  const shown = (text: string) => (/\n|^"/.test(text) ? JSON.stringify(text) : text);
  return Object.entries(value as Record<string, string>)
    .map(([name, text]) => `${name}=${shown(text)}`)
    .join("\n");
}

/** A text as it was typed, or as JSON says it. */
function textOfLine(line: string): string {
  try {
    const text: unknown = line.startsWith('"') ? JSON.parse(line) : line;
    return String(text);
  } catch {
    return line;
  }
}

function textsOf(lines: string): Record<string, string> {
  const entries = lines.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    entries.map((line) => {
      const [name = "", ...rest] = line.split("=");
      return [name.trim(), textOfLine(rest.join("=").trim())];
    }),
  );
}

type Draft = Record<Name, string>;
const draftOfOwn = (number: PhoneNumber) =>
  Object.fromEntries(NAMES.map((name) => [name, inputOf(number[name])])) as Draft;

/** What was changed here; what others changed meanwhile stays. */
function bodyOf(draft: Draft, number: PhoneNumber) {
  const before = draftOfOwn(number);
  const changed = NAMES.filter((name) => draft[name] !== before[name]);
  const texts = changed.filter((name) => FIELDS[name].kind === "texts");
  const plain = changed.filter((name) => !texts.includes(name)).map((name) => [name, draft[name]] as const);
  const gone = Object.fromEntries(Object.keys(number.metadata ?? {}).map((name) => [name, null]));
  return {
    ...readOwn(plain),
    ...(texts.includes("dynamic_vars") && {
      dynamic_vars: draft.dynamic_vars.trim() === "" ? null : textsOf(draft.dynamic_vars),
    }),
    // A change of metadata keeps what it does not name.
    ...(texts.includes("metadata") && { metadata: { ...gone, ...textsOf(draft.metadata) } }),
  };
}

type Shown = { number: PhoneNumber; put: (number: PhoneNumber) => void };

export function Own({ number, put }: Shown) {
  const agent = agents.use().value?.find(({ agent_id }) => agent_id === number.agent_id);
  const [draft, setDraft] = useState(() => draftOfOwn(number));
  const [isSaved, setSaved] = useState(false);
  const save = useAction(async () => {
    const path = { number: number.phone_number };
    const { phone_number } = await api.changePhoneNumber({ path, body: bodyOf(draft, number) });
    put(phone_number as PhoneNumber);
    setDraft(draftOfOwn(phone_number as PhoneNumber));
    setSaved(true);
  });
  const change = (name: Name, value: string) => {
    setDraft({ ...draft, [name]: value });
    setSaved(false);
  };
  const isChanged = Object.keys(draft).some((name) => draft[name as Name] !== inputOf(number[name as Name]));
  return (
    <section>
      <h2>Its own</h2>
      <Form onSubmit={save.run} error={save.error}>
        {NAMES.map((name) => (
          <OwnField key={name} {...{ name, number, agent }} value={draft[name]} onChange={change} />
        ))}
        <Refusal />
        {may("number") && (
          <div class="actions">
            <Button type="submit" kind="primary" isBusy={save.isBusy} isDisabled={!isChanged}>
              Save
            </Button>
            <span role="status">{isSaved && "Saved."}</span>
          </div>
        )}
      </Form>
    </section>
  );
}

type FieldOf = {
  name: Name;
  number: PhoneNumber;
  agent: Agent | undefined;
  value: string;
  onChange: (name: Name, value: string) => void;
};

function OwnField({ name, number, agent, value, onChange }: FieldOf) {
  const { title, kind, hint = "" } = FIELDS[name] as { title: string; kind: Kind; hint?: string };
  const inherits = (INHERITED as readonly string[]).includes(name);
  const inherited =
    agent && inherits ? `inherited: ${inputOf(agent[name as keyof Agent]) || "nothing"}` : hint;
  const isSilent = name === "welcome_message" && number.welcome_message === "";
  const said = isSilent ? "Silence, until the caller speaks." : inherits && value !== "" ? "" : inherited;
  return (
    <Field label={title} name={name} {...(said !== "" && { hint: said })}>
      {(ids) => {
        const onInput = (event: Parameters<typeof textOf>[0]) => onChange(name, textOf(event));
        // A secret of one customer may not make the number another's.
        const disabled = !may(name === "external_id" ? "all" : "number");
        const common = { ...ids, disabled, value, onInput };
        if (kind === "line") return <input {...common} />;
        if (kind !== "choice") return <textarea {...common} rows={3} />;
        return (
          <select {...ids} disabled={disabled} value={value} onChange={onInput}>
            <option value="">As its agent</option>
            <option value="yes">Yes</option>
            <option value="no">No</option>
          </select>
        );
      }}
    </Field>
  );
}

/** Its agent, with what is the number's own. */
export function AsItSpeaks({ number }: { number: PhoneNumber }) {
  const agent = agents.use().value?.find(({ agent_id }) => agent_id === number.agent_id);
  if (!agent) return null;
  const own = INHERITED.flatMap((name) => (number[name] === null ? [] : [[name, number[name]]]));
  const draft = draftOf({ ...agent, ...Object.fromEntries(own) } as Agent);
  return (
    <>
      <section class="preview">
        <h2>What a caller hears</h2>
        <Hears draft={draft} number={number} />
      </section>
      {may("all") && (
        <section>
          <h2>Type with it</h2>
          <TryAgent agent={agent} draft={draft} phoneNumber={number.phone_number} />
        </section>
      )}
    </>
  );
}
