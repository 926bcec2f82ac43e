import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { href } from "../route.ts";
import type { PhoneNumber } from "../types.ts";
import { Button, Form, Line, Refusal } from "../ui.tsx";
import { useAction } from "../use.ts";

/** A call to whoever looks at the page. */
export function TestCall({ number }: { number: PhoneNumber }) {
  const [to, setTo] = useState("");
  const [callId, setCallId] = useState("");
  const ring = useAction(async () => {
    if (number.agent_id === null) return;
    const body = { agent_id: number.agent_id, from_number: number.phone_number, to_number: to.trim() };
    setCallId((await api.placeCall({ body })).call_id);
  });
  return (
    <section>
      <h2>Try it</h2>
      <Form onSubmit={ring.run} error={ring.error}>
        <Line
          label="Your own phone"
          name="to_number"
          hint="The agent calls you from this number. Twilio charges for the call."
          type="tel"
          placeholder="+447700900123"
          isRequired
          value={to}
          onValue={setTo}
        />
        <Refusal />
        <div class="actions">
          <Button
            type="submit"
            isBusy={ring.isBusy}
            isDisabled={number.agent_id === null || !number.outbound_enabled}
          >
            Call me
          </Button>
          {callId !== "" && <a href={href("calls", callId)}>It rings: follow the call</a>}
        </div>
      </Form>
    </section>
  );
}
