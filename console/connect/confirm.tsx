import type { Client } from "../../sdk/src/client.ts";
import { AnsweredBy } from "../answered-by.tsx";
import { Diff } from "../diff.tsx";
import { Warnings } from "../plan.tsx";
import type { ImportPlan } from "../types.ts";
import { Button, Tel } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { Closed, codeOf, isClosing, Trouble } from "./trouble.tsx";
import { asker, type Link } from "./types.ts";

type Props = {
  api: Client;
  link: Link;
  phoneNumber: string;
  onBack: () => void;
  onDone: (after: Link) => void;
};

const WHAT = { voice: "calls", sms: "texts" } as const;

/** What the number's owner gives away by this, and how he takes it back. */
function Consent({ link, phoneNumber, what }: { link: Link; phoneNumber: string; what: string }) {
  const isKey = link.twilio_account?.credential === "api_key";
  const secret = isKey ? "API key" : "Auth Token";
  return (
    <p class="consent">
      {asker(link)} may then answer and place {what} with{" "}
      <strong>
        <Tel of={phoneNumber} />
      </strong>
      , and with no other of your numbers; your {secret} stays sealed here, and you end this at any time by
      asking {asker(link)} to release the number, or by{" "}
      {isKey ? "deleting the API key" : "changing the Auth Token"} at Twilio.
    </p>
  );
}

/** The last step. It is of one plan: after a change at Twilio there is another. */
function Agree({
  api,
  phoneNumber,
  link,
  planHash,
  onAgain,
  onDone,
}: Omit<Props, "onBack"> & { planHash: string; onAgain: () => void }) {
  const { run, isBusy, error } = useAction(async () => {
    const answer = await api.importByLink({ body: { phone_number: phoneNumber, plan_hash: planHash } });
    if ("connect_link_id" in answer) onDone(answer);
  });
  const isStale = codeOf(error) === "plan_changed";
  return (
    <>
      <Trouble error={error} link={link} />
      <Button kind="primary" isBusy={isBusy} onClick={isStale ? onAgain : run}>
        {isStale ? "Show the plan again" : isBusy ? "Connecting…" : "Connect this number"}
      </Button>
    </>
  );
}

export function Confirm({ api, link, phoneNumber, onBack, onDone }: Props) {
  const plan = useLoaded<ImportPlan | undefined>(async () => {
    const answer = await api.importByLink({
      query: { dry_run: "true" },
      body: { phone_number: phoneNumber },
    });
    return "dry_run" in answer ? answer : undefined;
  }, [phoneNumber]);
  if (isClosing(plan.error)) return <Closed error={plan.error} />;
  const { value: shown } = plan;
  const fields = shown?.changes.map(({ field }) => field) ?? [];
  const isTaken = {
    voice: fields.some((field) => /^(voice|status|trunk)/.test(field)),
    sms: fields.some((field) => field.startsWith("sms")),
  };
  const channels = link.channels ?? (["voice", "sms"] as const).filter((channel) => isTaken[channel]);
  const what = channels.map((channel) => WHAT[channel]).join(" and ") || "calls";
  const agent = link.agent_name ?? "the agent";
  return (
    <section>
      <h1 tabIndex={-1}>
        <Tel of={phoneNumber} />
      </h1>
      {shown === undefined && plan.error === undefined && (
        <p class="quiet" role="status">
          Asking Twilio who answers today…
        </p>
      )}
      <Trouble error={plan.error} link={link} />
      {plan.error !== undefined && (
        <Button isBusy={plan.isLoading} onClick={plan.again}>
          Try again
        </Button>
      )}
      {shown && (
        <>
          <dl class="before-after">
            {(["voice", "sms"] as const).map((channel) => (
              <div key={channel}>
                <dt>{channel === "voice" ? "Calls" : "Texts"}</dt>
                <dd>
                  <span class="hidden">today: </span>
                  <AnsweredBy who={shown.answered_by[channel]} />
                </dd>
                <dd class="after">
                  <span class="hidden">then: </span>
                  {channels.includes(channel) ? `“${agent}” of ${asker(link)}` : "stays as it is"}
                </dd>
              </div>
            ))}
          </dl>
          <Warnings of={shown.warnings} />
          <Diff changes={shown.changes} />
          <Consent link={link} phoneNumber={phoneNumber} what={what} />
          <Agree
            key={shown.plan_hash}
            {...{ api, link, phoneNumber, onDone }}
            planHash={shown.plan_hash}
            onAgain={plan.again}
          />
        </>
      )}
      <p class="fine">
        <button type="button" class="link" onClick={onBack}>
          Pick another number
        </button>
      </p>
    </section>
  );
}
