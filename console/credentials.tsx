import type { TwilioAccount } from "./types.ts";
import { Copy, Line } from "./ui.tsx";

// What a Twilio account is connected by: in the console, and on the page of a connect link.

export type Kind = TwilioAccount["credential"];

const FIELDS = {
  twilio_sid: ["Account SID", "It begins with AC.", "AC…"],
  twilio_token: ["Auth Token", "Beside the Account SID, behind “Show”.", ""],
  twilio_api_key_sid: ["API key SID", "It begins with SK.", "SK…"],
  twilio_api_key_secret: ["API key secret", "Twilio shows it once, when the key is made.", ""],
  webhook_signing_key_id: ["SharedKey id", "From the answer to the first request.", ""],
  webhook_signing_key: ["SharedKey secret", "From the same answer.", ""],
} as const;
export type Name = keyof typeof FIELDS;
export type Entered = Partial<Record<Name, string>>;

export const OF_KIND: Record<Kind | "shared_key", readonly Name[]> = {
  api_key: ["twilio_sid", "twilio_api_key_sid", "twilio_api_key_secret"],
  auth_token: ["twilio_sid", "twilio_token"],
  shared_key: ["webhook_signing_key_id", "webhook_signing_key"],
};
const SECRET: readonly Name[] = ["twilio_token", "twilio_api_key_secret", "webhook_signing_key"];

/** What to send of what was entered. */
export function bodyOf(names: readonly Name[], entered: Entered): { twilio_sid: string } & Entered {
  const sent = Object.fromEntries(names.map((name) => [name, entered[name]?.trim()]));
  return { twilio_sid: "", ...sent };
}

export function CredentialFields({
  names,
  entered,
  onEntered,
  onPaste,
}: {
  names: readonly Name[];
  entered: Entered;
  onEntered: (entered: Entered) => void;
  onPaste?: ((event: ClipboardEvent) => void) | undefined;
}) {
  return names.map((name) => {
    const [label, hint, placeholder] = FIELDS[name];
    return (
      <Line
        key={name}
        {...{ label, name, hint, placeholder, onPaste }}
        isCode
        isRequired
        type={SECRET.includes(name) ? "password" : "text"}
        value={entered[name] ?? ""}
        onValue={(value) => onEntered({ ...entered, [name]: value })}
      />
    );
  });
}

/** A choice of what to connect by. */
export function KindChoice({
  kinds,
  kind,
  onKind,
}: {
  kinds: readonly Kind[];
  kind: Kind;
  onKind: (kind: Kind) => void;
}) {
  return (
    <fieldset class="kinds">
      <legend>Connect by</legend>
      {kinds.map((candidate) => (
        <label key={candidate} class="choice">
          <input type="radio" name="kind" checked={kind === candidate} onChange={() => onKind(candidate)} />
          {candidate === "api_key" ? "an API key, which can do less" : "the Auth Token"}
        </label>
      ))}
    </fieldset>
  );
}

/** What the account's owner asks of Twilio, one after the other. */
export function Requests({ of }: { of: TwilioAccount["to_do"] }) {
  return (
    <ol class="requests">
      {of.map(({ step, request }) => (
        <li key={step}>
          <Copy text={request} label={`the request for ${step}`} />
        </li>
      ))}
    </ol>
  );
}

/** Of the requests, those that Twilio gets: what the last one sends, a form asks for. */
export const toTwilio = (requests: TwilioAccount["to_do"]) =>
  requests.filter(({ step }) => step !== "signing_key");
