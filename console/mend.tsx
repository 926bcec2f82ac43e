import { useState } from "preact/hooks";
import { api } from "./api.ts";
import type { PhoneNumber } from "./types.ts";
import { Button, Dialog, Form, Line, Refusal } from "./ui.tsx";
import { useAction } from "./use.ts";

// What mends a number.

/** Compares a number with Twilio now. @throws NixflexError */
export async function check(number: string): Promise<PhoneNumber> {
  return (await api.checkPhoneNumber({ path: { number } })).phone_number;
}

/** Lets repairs start again, also for a number whose repairs were given up, and repairs it now. @throws NixflexError */
export async function repair(number: string): Promise<PhoneNumber> {
  await api.changePhoneNumber({ path: { number }, body: { drift_policy: "repair" } });
  return check(number);
}

/** Asks for a new Auth Token. It is kept in this form only until it is sent. */
export function TokenDialog({
  account,
  number,
  onSaved,
  onClose,
}: {
  account: string;
  /** Any number of the account. */
  number: string;
  /** The number after its check with the new token. */
  onSaved: (number: PhoneNumber) => void;
  onClose: () => void;
}) {
  const [token, setToken] = useState("");
  const save = useAction(async () => {
    await api.changePhoneNumber({ path: { number }, body: { twilio_token: token } });
    onSaved(await check(number));
    onClose();
  });
  return (
    <Dialog title="New Auth Token" onClose={onClose}>
      <Form onSubmit={save.run} error={save.error}>
        <p>
          For the account <code>{account}</code>. Twilio is asked first; if it accepts the token, all your
          numbers of this account use it.
        </p>
        <Line
          label="Auth Token"
          name="twilio_token"
          hint="Twilio's Console shows it on the account's dashboard."
          type="password"
          isRequired
          value={token}
          onValue={setToken}
        />
        <Refusal />
        <div class="actions">
          <Button type="submit" kind="primary" isBusy={save.isBusy}>
            Try and save
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}
