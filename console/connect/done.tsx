import type { Client } from "../../sdk/src/client.ts";
import { Button, Mark, Tel } from "../ui.tsx";
import { useEvery } from "../use.ts";
import { asker, type Link } from "./types.ts";

const LOOK_AGAIN_MS = 4_000;

/** Where he goes in the end, with what happened. */
function returnUrl({ redirect_url, connect_link_id, status }: Link): URL | null {
  const url = redirect_url === null ? null : new URL(redirect_url);
  url?.searchParams.set("connect_link_id", connect_link_id);
  url?.searchParams.set("status", status);
  return url;
}

type Props = { api: Client; link: Link; put: (link: Link) => void; onAnother: () => void };

export function Done({ api, link, put, onAnother }: Props) {
  const numbers = link.phone_numbers.filter(({ imported }) => imported);
  const isHeard = numbers.every(({ first_inbound_at }) => first_inbound_at !== null);
  // What it shows stays as it is if an answer does not come; the next one may.
  useEvery(LOOK_AGAIN_MS, !isHeard, () => void api.seeConnectLink().then(put, () => undefined));
  const back = returnUrl(link);
  return (
    <section class="done">
      <p class="tick" aria-hidden="true">
        ✓
      </p>
      <h1 tabIndex={-1}>
        {numbers.length === 1 ? "Your number is connected" : "Your numbers are connected"}
      </h1>
      <ul class="brought" aria-live="polite">
        {link.phone_numbers.map(({ phone_number, imported, first_inbound_at }) => (
          <li key={phone_number}>
            <strong>
              <Tel of={phone_number} />
            </strong>
            {!imported ? (
              <Mark tone="warn">was released</Mark>
            ) : first_inbound_at === null ? (
              <span class="quiet">
                Waiting for its first call. Call it now, and hear “{link.agent_name ?? "the agent"}”.
              </span>
            ) : (
              <Mark tone="good">It works: its first call or text came in.</Mark>
            )}
          </li>
        ))}
      </ul>
      {link.numbers_left > 0 && link.status === "open" && (
        <p>
          <Button onClick={onAnother}>Connect another number</Button>
        </p>
      )}
      {back ? (
        <>
          <a class="button primary" href={back.href}>
            Back to {back.host}
          </a>
          <p class="fine">You leave this page, and {back.host} learns that your number is connected.</p>
        </>
      ) : (
        <p>{asker(link)} knows. You may close this page.</p>
      )}
      <p class="fine">
        To end it, ask {asker(link)} to release the number: Twilio then has again what it had before. Or
        change your credentials at Twilio.
      </p>
    </section>
  );
}
