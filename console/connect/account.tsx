import type { TargetedEvent } from "preact";
import { useState } from "preact/hooks";
import type { Client } from "../../sdk/src/client.ts";
import { Button, Copy, Field, Form, textOf } from "../ui.tsx";
import { useAction } from "../use.ts";
import { Closed, codeOf, isClosing, Trouble } from "./trouble.tsx";
import { asker, type Link } from "./types.ts";

type Kind = Link["credentials"][number];
type Request = NonNullable<Link["twilio_account"]>["to_do"][number];

const FIELDS = {
  twilio_sid: ["Account SID", "It begins with AC.", "AC…"],
  twilio_token: ["Auth Token", "Beside the Account SID, behind “Show”.", ""],
  twilio_api_key_sid: ["API key SID", "It begins with SK.", "SK…"],
  twilio_api_key_secret: ["API key secret", "Twilio shows it once, when the key is made.", ""],
  webhook_signing_key_id: ["SharedKey id", "From the answer to the first request.", ""],
  webhook_signing_key: ["SharedKey secret", "From the same answer.", ""],
} as const;
type Name = keyof typeof FIELDS;

const OF_KIND: Record<Kind | "shared_key", readonly Name[]> = {
  api_key: ["twilio_sid", "twilio_api_key_sid", "twilio_api_key_secret"],
  auth_token: ["twilio_sid", "twilio_token"],
  shared_key: ["webhook_signing_key_id", "webhook_signing_key"],
};
const SECRET: readonly Name[] = ["twilio_token", "twilio_api_key_secret", "webhook_signing_key"];

export function Account({ api, link, onConnected }: { api: Client; link: Link; onConnected: () => void }) {
  const [kind, setKind] = useState<Kind>(link.credentials[0] ?? "auth_token");
  const [fields, setFields] = useState<Partial<Record<Name, string>>>({});
  // What makes Twilio sign by a SharedKey, once an API key is connected.
  const [toDo, setToDo] = useState<readonly Request[]>([]);
  const names = toDo.length > 0 ? OF_KIND.shared_key : OF_KIND[kind];
  const connecting = useAction(async () => {
    const sent = Object.fromEntries(
      ["twilio_sid" as const, ...names].map((name) => [name, fields[name]?.trim()]),
    );
    const { twilio_account } = await api.connectByLink({ body: sent as { twilio_sid: string } });
    if (toDo.length === 0 && twilio_account.to_do.length > 0)
      setToDo(twilio_account.to_do.filter(({ step }) => step !== "signing_key"));
    else onConnected();
  });
  if (isClosing(connecting.error))
    return <Closed code={codeOf(connecting.error) ?? ""} error={connecting.error} />;
  return (
    <section>
      <h1 tabIndex={-1}>{toDo.length > 0 ? "Let Twilio sign its calls" : "Your Twilio account"}</h1>
      {toDo.length > 0 ? (
        <>
          <p>
            An API key does not prove that a call comes from Twilio. A SharedKey of your account does. Run
            these requests, and enter what the first one answers.
          </p>
          <ol class="requests">
            {toDo.map(({ step, request }) => (
              <li key={step}>
                <Copy text={request} label={`the request for ${step}`} />
              </li>
            ))}
          </ol>
        </>
      ) : (
        <p>
          You find these on the front page of <strong>Twilio’s Console</strong>, under “Account Info”.{" "}
          <strong>{asker(link)} never sees them.</strong>
        </p>
      )}
      {link.credentials.length > 1 && toDo.length === 0 && (
        <fieldset class="kinds">
          <legend>Connect by</legend>
          {link.credentials.map((candidate) => (
            <label key={candidate} class="choice">
              <input
                type="radio"
                name="kind"
                checked={kind === candidate}
                onChange={() => {
                  setKind(candidate);
                  setFields({});
                }}
              />
              {candidate === "api_key" ? "an API key, which can do less" : "the Auth Token"}
            </label>
          ))}
        </fieldset>
      )}
      <Form onSubmit={connecting.run}>
        {names.map((name) => {
          const [label, hint, placeholder] = FIELDS[name];
          return (
            <Field key={name} label={label} hint={hint}>
              {(ids) => {
                const common = {
                  ...ids,
                  autocomplete: "off",
                  autocapitalize: "off",
                  spellcheck: false,
                  required: true,
                  placeholder,
                  value: fields[name] ?? "",
                  onInput: (event: TargetedEvent<HTMLInputElement>) =>
                    setFields({ ...fields, [name]: textOf(event) }),
                } as const;
                return SECRET.includes(name) ? <input type="password" {...common} /> : <input {...common} />;
              }}
            </Field>
          );
        })}
        <Trouble error={connecting.error} link={link} />
        <Button type="submit" kind="primary" isBusy={connecting.isBusy}>
          {connecting.isBusy ? "Asking Twilio…" : "Continue"}
        </Button>
      </Form>
      <p class="fine">
        Nothing changes yet. You choose the number next, and see what would change before you confirm.
      </p>
    </section>
  );
}
