import { useLayoutEffect, useState } from "preact/hooks";
import { CredentialFields, OF_KIND } from "./credentials.tsx";
import { accounts } from "./store.ts";
import type { TwilioAccount } from "./types.ts";
import { Content, Field, textOf } from "./ui.tsx";

export type Account = { twilio_sid: string; twilio_token: string };

export const NO_ACCOUNT: Account = { twilio_sid: "", twilio_token: "" };

const OTHER = "other";

const titleOf = ({ friendly_name, twilio_sid }: TwilioAccount) =>
  friendly_name === null ? twilio_sid : `${friendly_name} (${twilio_sid})`;

/** What an import says of its account: of one that is known here only its SID. */
export const accountOf = ({ twilio_sid, twilio_token }: Account) => ({
  twilio_sid: twilio_sid.trim(),
  ...(twilio_token !== "" && { twilio_token: twilio_token.trim() }),
});

type FieldOf = {
  account: Account;
  onAccount: (account: Account) => void;
  onPaste?: ((event: ClipboardEvent) => void) | undefined;
};

/** A choice of a known account, which needs no Auth Token; or the credentials of another one. */
export function AccountField({ account, onAccount, onPaste }: FieldOf) {
  const loaded = accounts.use();
  return (
    <Content of={loaded}>{(known) => <Chosen known={known} {...{ account, onAccount, onPaste }} />}</Content>
  );
}

function Chosen({ known, account, onAccount, onPaste }: FieldOf & { known: TwilioAccount[] }) {
  const sids = [...new Map(known.map((each) => [each.twilio_sid, each])).values()];
  const isKnown = sids.some(({ twilio_sid }) => twilio_sid === account.twilio_sid);
  const [isOther, setOther] = useState(sids.length === 0 || (account.twilio_sid !== "" && !isKnown));
  const [only] = sids;
  // Before the page is drawn, so that nobody sees or sends an empty choice.
  useLayoutEffect(() => {
    if (sids.length === 1 && only && account.twilio_sid === "" && !isOther)
      onAccount({ twilio_sid: only.twilio_sid, twilio_token: "" });
  }, []);
  return (
    <>
      {sids.length > 0 && (
        <Field label="Twilio account" name={isOther ? "account" : "twilio_sid"}>
          {(ids) => (
            <select
              {...ids}
              required
              value={isOther ? OTHER : account.twilio_sid}
              onChange={(event) => {
                const chosen = textOf(event);
                setOther(chosen === OTHER);
                onAccount({ twilio_sid: chosen === OTHER ? "" : chosen, twilio_token: "" });
              }}
            >
              <option value="">Choose an account…</option>
              {sids.map((each) => (
                <option key={each.twilio_sid} value={each.twilio_sid}>
                  {titleOf(each)}
                </option>
              ))}
              <option value={OTHER}>Another account…</option>
            </select>
          )}
        </Field>
      )}
      {isOther && (
        <CredentialFields
          names={OF_KIND.auth_token}
          entered={account}
          onEntered={(entered) => onAccount({ ...account, ...entered })}
          onPaste={onPaste}
        />
      )}
    </>
  );
}
