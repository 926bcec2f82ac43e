import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { type Change, Diff } from "../diff.tsx";
import { go } from "../route.ts";
import type { PhoneNumber } from "../types.ts";
import { Button, Content, Dialog, Problem, Tel } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";

export function Release({ number: { phone_number: number } }: { number: PhoneNumber }) {
  const [isAsking, ask] = useState(false);
  return (
    <section>
      <h2>Release</h2>
      <p>Restores at Twilio what answered the number before its import. You keep the number.</p>
      <Button kind="danger" onClick={() => ask(true)}>
        Release…
      </Button>
      {isAsking && <ReleaseDialog number={number} onClose={() => ask(false)} />}
    </section>
  );
}

type Plan = Extract<Awaited<ReturnType<typeof api.releasePhoneNumber>>, { dry_run: true }>;
type Channel = "voice" | "sms";

/** Fields that say who answers, in Twilio's order: a trunk goes before an application, and that before a URL. */
const WHO: Record<Channel, readonly [field: string, title: string][]> = {
  voice: [
    ["trunk_sid", "the SIP trunk"],
    ["voice_application_sid", "the TwiML App"],
    ["voice_url", ""],
  ],
  sms: [
    ["sms_application_sid", "the TwiML App"],
    ["sms_url", ""],
  ],
};

/** Who has the calls or texts again after a release. */
function whoAnswers(channel: Channel, changes: readonly Change[]): ComponentChildren {
  for (const [name, title] of WHO[channel]) {
    const value = changes.find(({ field }) => field === name)?.new ?? "";
    if (value === "") continue;
    if (title === "") return <strong>{URL.canParse(value) ? new URL(value).host : value}</strong>;
    return (
      <>
        {title} <code>{value}</code>
      </>
    );
  }
  return "what answered before";
}

/** What becomes of its calls or its texts: before all fields, for that is what somebody asks. */
function WayBack({ plan: { changes, phone_number }, channel }: { plan: Plan; channel: Channel }) {
  const what = channel === "voice" ? "Calls" : "Texts";
  switch (phone_number.twilio[channel]) {
    case "restored":
      return (
        <p>
          {what} go back to {whoAnswers(channel, changes)}.
        </p>
      );
    case "cleared":
      return <p>{what}: nobody answers, as before the import.</p>;
    case "left_alone":
      return <p>{what} stay as they are: they do not come here.</p>;
    default:
      return null;
  }
}

function ReleaseDialog({ number, onClose }: { number: string; onClose: () => void }) {
  const plan = useLoaded(
    () => api.releasePhoneNumber({ path: { number }, query: { dry_run: "true" } }),
    [number],
  );
  const release = useAction(async () => {
    await api.releasePhoneNumber({ path: { number } });
    go("numbers");
  });
  return (
    <Dialog
      title={
        <>
          Release <Tel of={number} />?
        </>
      }
      onClose={onClose}
    >
      <Content of={plan}>
        {(answer) =>
          "changes" in answer &&
          (answer.phone_number.reason === undefined ? (
            <>
              <WayBack plan={answer} channel="voice" />
              <WayBack plan={answer} channel="sms" />
              <Diff changes={answer.changes} />
            </>
          ) : (
            <p>
              Twilio cannot be told now (<code>{answer.phone_number.reason}</code>). The number is released
              here all the same, and restored at Twilio when that works.
            </p>
          ))
        }
      </Content>
      <Problem error={release.error} />
      <div class="actions">
        <Button kind="danger" onClick={release.run} isBusy={release.isBusy} isDisabled={plan.isLoading}>
          Release
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}
