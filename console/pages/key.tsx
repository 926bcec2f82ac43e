import { useState } from "preact/hooks";
import { api, rotateKey, signIn } from "../api.ts";
import { may } from "../may.ts";
import type { Session } from "../types.ts";
import { Button, Copy, Dialog, Problem, Title, When } from "../ui.tsx";
import { useAction } from "../use.ts";
import { Secrets } from "./secrets.tsx";
import { KeyField, keyIn } from "./sign-in.tsx";

export function KeyPage({ session }: { session: Session }) {
  const [isAsking, ask] = useState(false);
  const leave = useAction(async () => {
    await api.endSession();
    location.reload();
  });
  return (
    <>
      <Title>API key</Title>
      <section>
        <dl class="facts">
          <dt>Key id</dt>
          <dd>
            <Copy text={session.key_id} label="key id" />
          </dd>
          <dt>Secret</dt>
          <dd>{session.name}</dd>
          <dt>It may</dt>
          <dd>
            {session.scope === "read" ? "see" : "see and change"}{" "}
            {session.external_id === null ? "everything" : <>the numbers of {session.external_id}</>}
          </dd>
          <dt>This session ends</dt>
          <dd>
            <When at={session.expires_at} />, or with its secret
          </dd>
        </dl>
        <Problem error={leave.error} />
        <Button onClick={leave.run} isBusy={leave.isBusy}>
          Sign out
        </Button>
      </section>
      {may("read_all") && <Secrets session={session} />}
      {may("all") && (
        <section>
          <h2>Rotate the first secret</h2>
          <p>
            The secret that the key was made with is replaced; the others stay. The old one and its sessions
            but this one stop working at once. For a change without a gap, make a new secret first.
          </p>
          <Button kind="danger" onClick={() => ask(true)}>
            Rotate…
          </Button>
          {isAsking && <Rotation onClose={() => ask(false)} />}
        </section>
      )}
    </>
  );
}

function Rotation({ onClose }: { onClose: () => void }) {
  const [present, setPresent] = useState("");
  const [key, setKey] = useState("");
  const rotate = useAction(async () => {
    const { key_id, key_secret } = await rotateKey(keyIn(present));
    setKey(`${key_id}:${key_secret}`);
    // The rotation ended this session too; the new secret starts the next one.
    await signIn(`${key_id}:${key_secret}`);
  });
  return (
    <Dialog title={key === "" ? "Rotate the secret?" : "Save the new key now"} onClose={onClose}>
      {key === "" ? (
        <>
          <p>Every program that uses the old secret gets a 401 from now on, until it has the new one.</p>
          <p>Bulk imports that run go on. Cancel them first if somebody else began them.</p>
          <KeyField
            hint="The key with its present secret: a session alone cannot rotate it."
            value={present}
            onInput={setPresent}
          />
        </>
      ) : (
        <>
          <p>It is not stored and cannot be shown again.</p>
          <Copy text={key} label="the new key" />
        </>
      )}
      <Problem error={rotate.error} />
      <div class="actions">
        {key === "" && (
          <Button kind="danger" onClick={rotate.run} isBusy={rotate.isBusy}>
            Rotate now
          </Button>
        )}
        <Button onClick={onClose}>{key === "" ? "Cancel" : "I have saved it"}</Button>
      </div>
    </Dialog>
  );
}
