import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { Hears } from "../hears.tsx";
import { may } from "../may.ts";
import { Warnings } from "../plan.tsx";
import { go, href } from "../route.ts";
import { agents } from "../store.ts";
import type { Agent, Draft } from "../types.ts";
import {
  Button,
  Content,
  Dialog,
  Empty,
  Field,
  Form,
  Line,
  Mark,
  Problem,
  Refusal,
  Title,
  textOf,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { TryAgent } from "./try-agent.tsx";

export function Agents() {
  const loaded = agents.use();
  return (
    <>
      <Title>
        Agents
        {may("all") && (
          <a class="button primary" href={href("agents", "new")}>
            New agent
          </a>
        )}
      </Title>
      <Content of={loaded}>
        {(agentList) =>
          agentList.length === 0 ? (
            <Empty title="No agents yet">
              <p>
                An agent is who answers: by itself with a language model, through your own runtime, or by
                passing the call on to a telephone.
              </p>
              {may("all") && (
                <a class="button primary" href={href("agents", "new")}>
                  Create your first agent
                </a>
              )}
            </Empty>
          ) : (
            <ul class="cards">
              {agentList.map((agent) => (
                <li key={agent.agent_id}>
                  <a href={href("agents", agent.agent_id)}>{agent.name}</a>
                  <p>{agent.welcome_message ?? <span class="quiet">No welcome message</span>}</p>
                  <p class="quiet">
                    {agent.is_active ? (
                      <Mark tone="good">Active</Mark>
                    ) : (
                      <Mark tone="warn">Takes no calls</Mark>
                    )}{" "}
                    ·{" "}
                    <a href={href("numbers", { agent: agent.agent_id })}>
                      Its numbers<span class="hidden"> ({agent.name})</span>
                    </a>
                  </p>
                </li>
              ))}
            </ul>
          )
        }
      </Content>
    </>
  );
}

export function AgentPage({ id }: { id: string | undefined }) {
  const loaded = useLoaded(
    async () => (id === undefined ? undefined : api.getAgent({ path: { agent_id: id } })),
    [id],
  );
  return (
    <>
      <p class="back">
        <a href={href("agents")}>Agents</a>
      </p>
      <Title>{id === undefined ? "New agent" : (loaded.value?.name ?? "Agent")}</Title>
      {id === undefined ? (
        <Editor agent={undefined} />
      ) : (
        <Content of={loaded}>{(agent) => agent && <Editor agent={agent} onSaved={loaded.put} />}</Content>
      )}
    </>
  );
}

export function draftOf(agent: Agent | undefined): Draft {
  const connect = agent?.connect;
  return {
    name: agent?.name ?? "",
    welcome_message: agent?.welcome_message ?? "",
    system_prompt: agent?.system_prompt ?? "",
    language: agent?.language ?? "en",
    connect: connect?.type ?? "builtin",
    target: !connect ? "" : "url" in connect ? connect.url : "number" in connect ? connect.number : "",
    fallback: agent?.fallback?.type === "say" ? agent.fallback.text : (agent?.fallback?.number ?? ""),
    webhook_url: agent?.webhook_url ?? "",
    is_active: agent?.is_active ?? true,
    record: agent?.record ?? false,
    sms_reply: agent?.sms_reply ?? false,
  };
}

/** What to send: only what differs from the agent, so that attributes this form does not know stay. */
export function bodyOf(draft: Draft, agent: Agent | undefined): Record<string, unknown> {
  const before = draftOf(agent);
  const isChanged = (name: keyof Draft) => draft[name] !== before[name];
  const body: Record<string, unknown> = {};
  const plain = [
    "name",
    "welcome_message",
    "system_prompt",
    "language",
    "webhook_url",
    "is_active",
    "record",
    "sms_reply",
  ] as const;
  for (const name of plain) {
    if (isChanged(name)) body[name] = draft[name] === "" ? null : draft[name];
  }
  if (isChanged("connect") || isChanged("target")) {
    const own = isChanged("connect") ? {} : agent?.connect;
    const target = draft.connect === "dial" ? { number: draft.target } : { url: draft.target };
    body.connect = { ...own, type: draft.connect, ...(draft.connect !== "builtin" && target) };
  }
  if (isChanged("fallback")) {
    const isNumber = /^(\+\d+|sips?:.*)$/.test(draft.fallback);
    body.fallback =
      draft.fallback === ""
        ? null
        : isNumber
          ? { type: "dial", number: draft.fallback }
          : { type: "say", text: draft.fallback };
  }
  return body;
}

const CONNECTIONS: Record<Draft["connect"], { title: string; target?: string }> = {
  builtin: { title: "By itself, with the deployment's language model" },
  conversation_relay: {
    title: "Through your runtime: ConversationRelay",
    target: "URL of the runtime (wss)",
  },
  stream: { title: "Through your runtime: media stream", target: "URL of the stream (wss)" },
  redirect: { title: "By your own TwiML", target: "URL of the TwiML (https)" },
  dial: { title: "By a person: the call is passed on", target: "Telephone number or SIP address" },
};

/** What somebody changed here, over what is stored now: what others changed meanwhile stays. */
export function rebased(draft: Draft, seen: Draft, stored: Draft): Draft {
  const changed = Object.entries(draft).filter(([name, value]) => value !== seen[name as keyof Draft]);
  return { ...stored, ...Object.fromEntries(changed) };
}

/** What the agent that was just created is warned of; its page shows it. */
let atCreation: { agentId: string; warnings: { code: string; message: string }[] } | undefined;

function Editor({ agent, onSaved }: { agent: Agent | undefined; onSaved?: (agent: Agent) => void }) {
  const [draft, setDraft] = useState(() => draftOf(agent));
  const [isDeleting, setDeleting] = useState(false);
  const [isSaved, setSaved] = useState(false);
  const [warnings, setWarnings] = useState(() =>
    agent && atCreation?.agentId === agent.agent_id ? atCreation.warnings : [],
  );
  const change = (part: Partial<Draft>) => {
    setDraft({ ...draft, ...part });
    setSaved(false);
  };
  const save = useAction(async () => {
    if (!agent) {
      const created = await api.createAgent({ body: { ...bodyOf(draft, agent), name: draft.name } });
      const { agent_id } = created;
      atCreation = { agentId: agent_id, warnings: created.warnings ?? [] };
      await agents.reload();
      return go("agents", agent_id);
    }
    const path = { agent_id: agent.agent_id };
    const stored = await api.getAgent({ path });
    const body = bodyOf(rebased(draft, draftOf(agent), draftOf(stored)), stored);
    const saved = await api.updateAgent({ path, body });
    setDraft((now) => rebased(now, draft, draftOf(saved)));
    onSaved?.(saved);
    setWarnings(saved.warnings ?? []);
    setSaved(true);
    await agents.reload();
  });
  const text = (
    name: "name" | "welcome_message" | "language" | "target" | "fallback" | "webhook_url",
    label: string,
    hint?: string,
    isRequired = false,
  ) => (
    <Line
      label={label}
      name={name === "target" ? "connect" : name}
      hint={hint}
      isRequired={isRequired}
      value={draft[name]}
      onValue={(value) => change({ [name]: value })}
    />
  );
  const box = (name: "is_active" | "record" | "sms_reply", label: string) => (
    <label class="choice">
      <input type="checkbox" checked={draft[name]} onChange={() => change({ [name]: !draft[name] })} />
      {label}
    </label>
  );
  const { target } = CONNECTIONS[draft.connect];
  return (
    <div class="columns">
      <Form onSubmit={save.run} error={save.error}>
        <section>
          <h2>Who answers</h2>
          {text("name", "Name", "Only you see it.", true)}
          {text("welcome_message", "Welcome message", "The first sentence that a caller hears.")}
          {text("language", "Language", "A BCP 47 tag, such as en-GB or de.")}
          <Field label="How it answers">
            {(ids) => (
              <select
                {...ids}
                value={draft.connect}
                onChange={(event) => change({ connect: textOf(event) as Draft["connect"], target: "" })}
              >
                {Object.entries(CONNECTIONS).map(([type, { title }]) => (
                  <option key={type} value={type}>
                    {title}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {target !== undefined && text("target", target, undefined, true)}
          <Field
            label="Instructions"
            name="system_prompt"
            hint="For the language model, up to 16,000 characters."
          >
            {(ids) => (
              <textarea
                {...ids}
                rows={6}
                value={draft.system_prompt}
                onInput={(event) => change({ system_prompt: textOf(event) })}
              />
            )}
          </Field>
          {text("fallback", "If that fails", "A sentence to say, or a telephone number to call instead.")}
          {text("webhook_url", "Events go to", "An https URL of yours. Empty: events are not sent.")}
          {box("is_active", "Takes calls")}
          {box("sms_reply", "Answers texts by itself")}
          {box("record", "Record calls")}
          <Refusal />
          <Warnings of={warnings} />
          {may("all") && (
            <div class="actions">
              <Button type="submit" kind="primary" isBusy={save.isBusy}>
                {agent ? "Save" : "Create"}
              </Button>
              <span role="status">{isSaved && "Saved."}</span>
              {agent && (
                <Button kind="danger" onClick={() => setDeleting(true)}>
                  Delete…
                </Button>
              )}
            </div>
          )}
        </section>
      </Form>
      <div>
        <section class="preview">
          <h2>What a caller hears</h2>
          <Hears draft={draft} />
        </section>
        {agent && may("all") && (
          <section>
            <h2>Try it</h2>
            <TryAgent agent={agent} draft={draft} />
          </section>
        )}
      </div>
      {isDeleting && agent && <Deletion agent={agent} onClose={() => setDeleting(false)} />}
    </div>
  );
}

function Deletion({ agent: { agent_id, name }, onClose }: { agent: Agent; onClose: () => void }) {
  const remove = useAction(async () => {
    await api.deleteAgent({ path: { agent_id } });
    await agents.reload();
    go("agents");
  });
  return (
    <Dialog title={`Delete ${name}?`} onClose={onClose}>
      <p>An agent that still has numbers is not deleted: move them to another agent first.</p>
      <Problem error={remove.error} />
      <div class="actions">
        <Button kind="danger" onClick={remove.run} isBusy={remove.isBusy}>
          Delete
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}
