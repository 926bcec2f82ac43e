import { useState } from "preact/hooks";
import type { Client } from "../../sdk/src/client.ts";
import { AnsweredBy } from "../answered-by.tsx";
import { useNumberPages } from "../number-pages.ts";
import { Button, Form, Tel } from "../ui.tsx";
import { Closed, codeOf, isClosing, Trouble } from "./trouble.tsx";
import type { Link } from "./types.ts";

type Props = { api: Client; link: Link; onPick: (phoneNumber: string) => void; onOtherAccount: () => void };

/** Codes that only other credentials mend. */
const REFUSED = ["twilio_auth_failed", "twilio_invalid_credentials", "account_not_found"];

export function Pick({ api, link, onPick, onOtherAccount }: Props) {
  const [chosen, choose] = useState("");
  const { numbers, next, error, ...loading } = useNumberPages((query) => api.listNumbersByLink({ query }));
  const taken = new Set(link.phone_numbers.map(({ phone_number }) => phone_number));
  if (isClosing(error)) return <Closed error={error} />;
  return (
    <section>
      <h1 tabIndex={-1}>Which number?</h1>
      {link.twilio_account && (
        <p>
          The numbers of{" "}
          <strong>{link.twilio_account.friendly_name ?? link.twilio_account.twilio_sid}</strong>. Only the one
          that you pick is used.
        </p>
      )}
      {numbers === undefined && !error && (
        <p class="quiet" role="status">
          Asking Twilio…
        </p>
      )}
      <Trouble error={error} link={link} />
      {error !== undefined && !REFUSED.includes(codeOf(error) ?? "") && (
        <Button kind="primary" isBusy={loading.isBusy} onClick={() => loading.run()}>
          Try again
        </Button>
      )}
      {numbers?.length === 0 && next === null && (
        <p class="nothing">
          <strong>This Twilio account has no numbers.</strong> If yours is in another account or a subaccount,
          enter that one’s SID and token.
        </p>
      )}
      {numbers !== undefined && numbers.length > 0 && (
        <Form onSubmit={() => onPick(chosen)}>
          <fieldset class="numbers">
            <legend class="hidden">Numbers</legend>
            {numbers.map(({ phone_number, friendly_name, answered_by, imported }) => {
              const isTaken = imported || taken.has(phone_number);
              return (
                <label key={phone_number} class="number">
                  <input
                    type="radio"
                    name="number"
                    required
                    disabled={isTaken}
                    checked={chosen === phone_number}
                    onChange={() => choose(phone_number)}
                  />
                  <span>
                    <strong>
                      <Tel of={phone_number} />
                    </strong>
                    {friendly_name !== "" && friendly_name !== phone_number && (
                      <span> · {friendly_name}</span>
                    )}
                    <span class="quiet">
                      {isTaken ? (
                        "connected already"
                      ) : (
                        <>
                          today: <AnsweredBy who={answered_by.voice} />
                        </>
                      )}
                    </span>
                  </span>
                </label>
              );
            })}
          </fieldset>
          {next !== null && (
            <Button isBusy={loading.isBusy} onClick={() => loading.run(next)}>
              More numbers
            </Button>
          )}
          <Button type="submit" kind="primary">
            Show the plan
          </Button>
        </Form>
      )}
      {(numbers !== undefined || error !== undefined) && (
        <p class="fine">
          <button type="button" class="link" onClick={onOtherAccount}>
            Use another Twilio account
          </button>
        </p>
      )}
    </section>
  );
}
