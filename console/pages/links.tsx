import { useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import type { Tone } from "../health.ts";
import { may } from "../may.ts";
import { href } from "../route.ts";
import { agents, nameOf } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import type { Agent, ConnectLink } from "../types.ts";
import {
  Button,
  Content,
  Copy,
  Dialog,
  Empty,
  Field,
  Form,
  Line,
  Mark,
  Pages,
  Problem,
  Refusal,
  Tel,
  Title,
  textOf,
  When,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { onlyOf, WithAgents } from "./no-agent.tsx";

const PAGE = 25;

const TONES: Record<ConnectLink["status"], Tone> = {
  completed: "good",
  open: "warn",
  expired: "bad",
  locked: "bad",
};

export function Links() {
  const [offset, setOffset] = useState(0);
  const agentList = agents.use().value;
  const loaded = useLoaded(() => api.listConnectLinks({ query: { limit: PAGE, offset } }), [offset]);
  return (
    <>
      <Title>
        Links
        <Button onClick={loaded.again} isBusy={loaded.isLoading}>
          Refresh
        </Button>
      </Title>
      <p>
        A link leads a customer to a page where he connects his own Twilio account. You never see his
        credentials.
      </p>
      <Content of={loaded}>
        {({ connect_links, count, offset: at }) => (
          <>
            {count === 0 ? (
              <Empty title="No links yet">
                <p>Make one below, and send it to your customer.</p>
              </Empty>
            ) : (
              <Table
                caption="Links, newest first"
                columns={columnsFor(agentList, loaded.again)}
                rows={connect_links}
                keyOf={({ connect_link_id }) => connect_link_id}
              />
            )}
            <Pages of="links" offset={at} size={PAGE} total={count} onOffset={setOffset} />
            {may("all") && (
              <WithAgents>{(list) => <Make agentList={list} onMade={loaded.again} />}</WithAgents>
            )}
          </>
        )}
      </Content>
    </>
  );
}

const columnsFor = (agentList: Agent[] | undefined, again: () => void): Column<ConnectLink>[] => [
  {
    title: "For",
    cell: ({ label, external_id, brand_name, created_at }) => (
      <>
        {label ?? external_id ?? brand_name ?? "somebody"}
        <br />
        <span class="quiet">
          <When at={created_at} />
        </span>
      </>
    ),
  },
  {
    title: "What became of it",
    cell: ({ status, phone_numbers, refused_credentials }) => (
      <>
        <Mark tone={TONES[status]}>{status}</Mark>
        {phone_numbers.map(({ phone_number, imported, first_inbound_at }) => (
          <span key={phone_number} class="line whole">
            {imported ? (
              <a href={href("numbers", phone_number)}>
                <Tel of={phone_number} />
              </a>
            ) : (
              <Tel of={phone_number} />
            )}{" "}
            <span class="quiet">
              {!imported ? "released" : first_inbound_at === null ? "no call yet" : "rang"}
            </span>
          </span>
        ))}
        {refused_credentials > 0 && (
          <span class="line quiet">credentials refused: {refused_credentials}</span>
        )}
      </>
    ),
  },
  { title: "Agent", isWide: true, cell: ({ agent_id }) => nameOf(agent_id, agentList) },
  { title: "Ends", isWide: true, cell: ({ expires_at }) => <When at={expires_at} /> },
  {
    title: "Actions",
    isHidden: true,
    cell: (link) => may("all") && <TakeBack link={link} again={again} />,
  },
];

function TakeBack({
  link: { connect_link_id, label, external_id },
  again,
}: {
  link: ConnectLink;
  again: () => void;
}) {
  const remove = useAction(async () => {
    await api.deleteConnectLink({ path: { connect_link_id } });
    again();
  });
  return (
    <>
      <Button
        onClick={remove.run}
        isBusy={remove.isBusy}
        label={`Delete the link for ${label ?? external_id ?? connect_link_id}`}
      >
        Delete
      </Button>
      <Problem error={remove.error} />
    </>
  );
}

const HOURS = { 1: "An hour", 4: "Four hours", 24: "A day" };
const NOTHING = {
  agent_id: "",
  label: "",
  external_id: "",
  brand_name: "",
  redirect_url: "",
  max_numbers: "1",
  hours: "24",
};

function Make({ agentList, onMade }: { agentList: Agent[]; onMade: () => void }) {
  const [draft, setDraft] = useState(NOTHING);
  const [url, setUrl] = useState("");
  const change = (part: Partial<typeof NOTHING>) => setDraft({ ...draft, ...part });
  const agentId = draft.agent_id || onlyOf(agentList);
  const make = useAction(async () => {
    const { hours, max_numbers, agent_id: _, ...texts } = draft;
    const given = Object.fromEntries(Object.entries(texts).filter(([, text]) => text.trim() !== ""));
    const numbers = { max_numbers: Number(max_numbers), expires_in_seconds: Number(hours) * 3_600 };
    const made = await api.createConnectLink({ body: { ...given, ...numbers, agent_id: agentId } });
    setUrl(made.url);
    onMade();
  });
  const line = (
    name: keyof typeof NOTHING,
    label: string,
    hint: string,
    type: "text" | "number" | "url" = "text",
  ) => (
    <Line
      {...{ label, name, hint, type }}
      value={draft[name]}
      onValue={(value) => change({ [name]: value })}
    />
  );
  return (
    <section>
      <h2>New link</h2>
      <Form onSubmit={make.run} error={make.error}>
        <AgentField
          none="Choose an agent…"
          isRequired
          hint="Who answers the customer's number."
          agentList={agentList}
          agentId={agentId}
          onChoice={(agent_id) => change({ agent_id })}
        />
        {line("brand_name", "Your name on the page", "What your customer knows you by.")}
        {line("external_id", "Your id", "Your own id of the customer; his numbers get it.")}
        {line("label", "Label", "A name for people; his numbers get it.")}
        {line("max_numbers", "How many numbers", "He may connect so many.", "number")}
        <Field label="It ends after" name="expires_in_seconds">
          {(ids) => (
            <select {...ids} value={draft.hours} onChange={(event) => change({ hours: textOf(event) })}>
              {Object.entries(HOURS).map(([hours, title]) => (
                <option key={hours} value={hours}>
                  {title}
                </option>
              ))}
            </select>
          )}
        </Field>
        {line("redirect_url", "Then back to", "An https URL of yours. Empty: he stays on the page.", "url")}
        <Refusal />
        <Button type="submit" kind="primary" isBusy={make.isBusy}>
          Make the link
        </Button>
      </Form>
      {url !== "" && (
        <Dialog title="Send this link now" onClose={() => setUrl("")}>
          <p>It cannot be shown again. Whoever has it may connect an account, so send it to one person.</p>
          <Copy text={url} label="the link" />
          <Button onClick={() => setUrl("")}>I have sent it</Button>
        </Dialog>
      )}
    </section>
  );
}
