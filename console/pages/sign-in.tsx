import { useState } from "preact/hooks";
import { signIn } from "../api.ts";
import type { Session } from "../types.ts";
import { Button, Form, Line, Refusal } from "../ui.tsx";
import { useAction } from "../use.ts";

/** Both halves of the key, however they were pasted: with or without a name before them, in one line or two. */
export function keyIn(text: string): string {
  const id = /nxf_[0-9a-f]+/i.exec(text)?.[0];
  const secret = /nxfs_[0-9a-f]+/i.exec(text)?.[0];
  return id && secret ? `${id}:${secret}` : text.trim();
}

export function KeyField({
  hint,
  value,
  onInput,
}: {
  hint: string;
  value: string;
  onInput: (key: string) => void;
}) {
  return (
    <Line label="API key" name="key" hint={hint} type="password" isRequired value={value} onValue={onInput} />
  );
}

export function SignIn({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const [key, setKey] = useState("");
  const { run, isBusy, error } = useAction(async () => onSignedIn(await signIn(keyIn(key))));
  return (
    <main class="sign-in">
      <p class="brand">
        Nixflex <span>Numbers</span>
      </p>
      <h1>Sign in</h1>
      <Form onSubmit={run} error={error}>
        <KeyField
          hint="The key id (nxf_…), a colon and the key secret (nxfs_…). It is exchanged for a session of twelve hours and not kept in this browser."
          value={key}
          onInput={setKey}
        />
        <Refusal />
        <Button type="submit" kind="primary" isBusy={isBusy}>
          Sign in
        </Button>
      </Form>
      <p class="quiet">
        No key yet? Whoever runs this deployment creates one with <code>npm run key:create</code>, or by{" "}
        <a href="/docs#tag/api-keys/POST/v1/keys">POST /v1/keys</a>.
      </p>
    </main>
  );
}
