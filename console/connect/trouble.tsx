import { NixflexError } from "../../sdk/src/error.ts";
import { asker, type Link } from "./types.ts";

// What went wrong, for somebody who has never heard of this API.

/** The code of an answer; undefined: there was none. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof NixflexError ? error.code : undefined;

const CLOSED: Record<string, [title: string, text: string]> = {
  connect_link_expired: [
    "This link has expired",
    "Ask whoever sent it to you for a new one. Nothing was changed.",
  ],
  connect_link_used: ["This link is used up", "Its numbers are connected, and nothing is left to do here."],
  connect_link_locked: [
    "This link is locked",
    "Twilio refused what was entered here ten times. Ask whoever sent you the link for a new one, and copy the Account SID and the Auth Token from the front page of Twilio’s Console.",
  ],
  invalid_connect_link: [
    "This link does not work",
    "It may have been copied only in part, or taken back. Open it again from the message that brought it.",
  ],
  connect_links_disabled: [
    "This page is switched off",
    "The operator of this deployment allows no connect links.",
  ],
};

export const isClosing = (error: unknown): boolean => Object.hasOwn(CLOSED, codeOf(error) ?? "");

/** The whole page, if there is nothing to do on it. */
export function Closed({ error }: { error: unknown }) {
  const [title, text] = CLOSED[codeOf(error) ?? ""] ?? [
    "This did not work",
    error instanceof Error ? error.message : "",
  ];
  return (
    <div class="closed">
      <h1 tabIndex={-1}>{title}</h1>
      <p>{text}</p>
    </div>
  );
}

/** By the reason that this service has found. */
const REFUSED: Record<string, string> = {
  wrong_token:
    "Twilio knows this account, but this is not its Auth Token. Copy it again: it may have been changed, or not copied completely.",
  unknown_account: "Twilio knows no account with this Account SID. Copy it again.",
  suspended_account: "Twilio has suspended this account. Activate it in Twilio’s Console first.",
  test_credentials: "These are test credentials, which have no numbers. Copy the live ones.",
  parent_account_token:
    "This is the token of the parent account. Copy the subaccount’s own, which stands beside its SID.",
  missing_permission: "This API key may not do enough. Give it the permissions for numbers, calls and texts.",
  otherwise:
    "Twilio does not accept these. Copy both again from the front page of Twilio’s Console, from the same account.",
};

function wordsFor(error: NixflexError, link: Link | undefined): string {
  const who = link ? asker(link) : "whoever sent you the link";
  switch (error.code) {
    case "twilio_auth_failed":
    case "twilio_invalid_credentials":
      return REFUSED[String(error.details.reason)] ?? REFUSED.otherwise ?? "";
    case "twilio_unavailable":
    case "twilio_rate_limited":
      return "Twilio does not answer at the moment. Nothing was changed; try again in a minute.";
    case "number_already_imported":
      return `This number is already connected here, or is just being connected. If that surprises you, ask ${who}.`;
    case "number_not_in_twilio":
      return "This number is no longer in your Twilio account.";
    case "plan_changed":
      return "The number was changed at Twilio while you were reading. Look at the plan once more.";
    case "limit_reached":
      return `${who} cannot take more numbers at the moment. Ask there.`;
    case "agent_not_found":
      return `The agent that should answer is gone. Ask ${who} for a new link.`;
    case "storage_unavailable":
    case "internal_error":
      return "This service has a fault at the moment. Try again in a minute.";
    case "connect_link_busy":
    case "rate_limit_exceeded":
      return "An earlier try is still running. Wait a moment, and try again.";
    default:
      return error.message;
  }
}

export function Trouble({ error, link }: { error: unknown; link?: Link }) {
  if (error === undefined || error === null) return null;
  if (!(error instanceof NixflexError))
    return (
      <p class="problem" role="alert">
        There was no answer. Check your connection, and try again.
      </p>
    );
  const left = error.details.attempts_left;
  return (
    <div class="problem" role="alert">
      <p>{wordsFor(error, link)}</p>
      {typeof left === "number" && (
        <p class="quiet">
          {left === 1 ? "One try is left" : `${left} tries are left`} before this link is locked.
        </p>
      )}
    </div>
  );
}
