import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { may } from "../may.ts";
import { type Column, Table } from "../table.tsx";
import type { Session } from "../types.ts";
import {
  Button,
  Content,
  Copy,
  Dialog,
  Field,
  Form,
  Line,
  Pages,
  Problem,
  Refusal,
  textOf,
  When,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";

type Secret = Awaited<ReturnType<typeof api.listSecrets>>["secrets"][number];

const PAGE = 25;

const mayWhat = ({ scope, external_id }: Secret): string =>
  `${scope === "read" ? "sees" : "everything"}${external_id === null ? "" : `, of ${external_id}`}`;

/** The secrets of the key: one for each program, for a team, or for a customer's portal. */
export function Secrets({ session }: { session: Session }) {
  const [offset, setOffset] = useState(0);
  const [isMaking, make] = useState(false);
  const [ending, end] = useState<Secret>();
  const loaded = useLoaded(() => api.listSecrets({ query: { limit: PAGE, offset } }), [offset]);
  const columns: Column<Secret>[] = [
    {
      title: "Name",
      cell: ({ name, secret_id }) => (
        <>
          {name} {secret_id === session.secret_id && <span class="quiet">this session's</span>}
        </>
      ),
    },
    { title: "May", cell: mayWhat },
    { title: "Last used", isWide: true, cell: ({ last_used_on }) => last_used_on ?? "never" },
    { title: "Ends", isWide: true, cell: ({ expires_at }) => <When at={expires_at} /> },
    {
      title: "Actions",
      isHidden: true,
      cell: (secret) =>
        may("all") && (
          <Button onClick={() => end(secret)} label={`End ${secret.name}`}>
            End…
          </Button>
        ),
    },
  ];
  return (
    <section>
      <h2>Secrets</h2>
      <p>
        One for each program, so that each can be ended by itself. One with an external id shows a customer
        his own numbers, calls and texts, here too.
      </p>
      <Content of={loaded}>
        {({ secrets, count, offset: at }) => (
          <>
            <Table
              caption="Secrets, newest first"
              columns={columns}
              rows={secrets}
              keyOf={({ secret_id }) => secret_id}
            />
            <Pages of="secrets" offset={at} size={PAGE} total={count} onOffset={setOffset} />
          </>
        )}
      </Content>
      {may("all") && <Button onClick={() => make(true)}>New secret…</Button>}
      {isMaking && (
        <MakeDialog
          onClose={() => {
            make(false);
            loaded.again();
          }}
        />
      )}
      {ending && (
        <EndDialog
          secret={ending}
          onClose={() => {
            end(undefined);
            loaded.again();
          }}
        />
      )}
    </section>
  );
}

const NOTHING = { name: "", scope: "full", external_id: "", expires_at: "" };

function MakeDialog({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState(NOTHING);
  const [made, setMade] = useState("");
  const make = useAction(async () => {
    const { key_id, key_secret } = await api.createSecret({
      body: {
        name: draft.name,
        scope: draft.scope as Secret["scope"],
        ...(draft.external_id !== "" && { external_id: draft.external_id }),
        ...(draft.expires_at !== "" && { expires_at: new Date(draft.expires_at).toISOString() }),
      },
    });
    setMade(`${key_id}:${key_secret}`);
  });
  const line = (
    name: keyof typeof NOTHING,
    label: string,
    hint: string,
    type: "text" | "datetime-local" = "text",
  ) => (
    <Line
      {...{ label, name, hint, type }}
      isRequired={name === "name"}
      value={draft[name]}
      onValue={(value) => setDraft({ ...draft, [name]: value })}
    />
  );
  return (
    <Dialog title={made === "" ? "A new secret" : "Save the new secret now"} onClose={onClose}>
      {made !== "" ? (
        <>
          <p>It is not stored and cannot be shown again. This is the key with it:</p>
          <Copy text={made} label="the key with its new secret" />
          <Button onClick={onClose}>I have saved it</Button>
        </>
      ) : (
        <Form onSubmit={make.run} error={make.error}>
          {line("name", "Name", "Whose it is: a number's history names it.")}
          <Field label="It may" name="scope">
            {(ids) => (
              <select
                {...ids}
                value={draft.scope}
                onChange={(event) => setDraft({ ...draft, scope: textOf(event) })}
              >
                <option value="full">see and change</option>
                <option value="read">only see</option>
              </select>
            )}
          </Field>
          {line(
            "external_id",
            "Only numbers with your id",
            "Your customer's external_id. Empty: all numbers.",
          )}
          {line("expires_at", "It ends", "Empty: never.", "datetime-local")}
          <Refusal />
          <div class="actions">
            <Button type="submit" kind="primary" isBusy={make.isBusy}>
              Create
            </Button>
            <Button onClick={onClose}>Cancel</Button>
          </div>
        </Form>
      )}
    </Dialog>
  );
}

function EndDialog({ secret: { name, secret_id }, onClose }: { secret: Secret; onClose: () => void }) {
  const end = useAction(async () => {
    await api.deleteSecret({ path: { secret_id } });
    onClose();
  });
  return (
    <Dialog title={`End the secret ${name}?`} onClose={onClose}>
      <p>It stops working at once, and its sessions end. No call is interrupted.</p>
      <Problem error={end.error} />
      <div class="actions">
        <Button kind="danger" onClick={end.run} isBusy={end.isBusy}>
          End it now
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}
