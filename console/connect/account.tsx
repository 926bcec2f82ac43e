import { useState } from "preact/hooks";
import type { Client } from "../../sdk/src/client.ts";
import {
  bodyOf,
  CredentialFields,
  type Entered,
  type Kind,
  KindChoice,
  OF_KIND,
  Requests,
  toTwilio,
} from "../credentials.tsx";
import type { TwilioAccount } from "../types.ts";
import { Button, Form } from "../ui.tsx";
import { useAction } from "../use.ts";
import { Closed, isClosing, Trouble } from "./trouble.tsx";
import { asker, type Link } from "./types.ts";

export function Account({ api, link, onConnected }: { api: Client; link: Link; onConnected: () => void }) {
  const [kind, setKind] = useState<Kind>(link.credentials[0] ?? "auth_token");
  const [fields, setFields] = useState<Entered>({});
  // What makes Twilio sign by a SharedKey, once an API key is connected.
  const [toDo, setToDo] = useState<TwilioAccount["to_do"]>([]);
  const names = toDo.length > 0 ? OF_KIND.shared_key : OF_KIND[kind];
  const connecting = useAction(async () => {
    const sent = ["twilio_sid" as const, ...names];
    const { twilio_account } = await api.connectByLink({ body: bodyOf(sent, fields) });
    if (toDo.length === 0 && twilio_account.to_do.length > 0) setToDo(toTwilio(twilio_account.to_do));
    else onConnected();
  });
  if (isClosing(connecting.error)) return <Closed error={connecting.error} />;
  return (
    <section>
      <h1 tabIndex={-1}>{toDo.length > 0 ? "Let Twilio sign its calls" : "Your Twilio account"}</h1>
      {toDo.length > 0 ? (
        <>
          <p>
            An API key does not prove that a call comes from Twilio. A SharedKey of your account does. Run
            these requests, and enter what the first one answers.
          </p>
          <Requests of={toDo} />
        </>
      ) : (
        <p>
          You find these on the front page of <strong>Twilio’s Console</strong>, under “Account Info”.{" "}
          <strong>{asker(link)} never sees them.</strong>
        </p>
      )}
      {link.credentials.length > 1 && toDo.length === 0 && (
        <KindChoice
          kinds={link.credentials}
          kind={kind}
          onKind={(candidate) => {
            setKind(candidate);
            setFields({});
          }}
        />
      )}
      <Form onSubmit={connecting.run}>
        <CredentialFields names={names} entered={fields} onEntered={setFields} />
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
