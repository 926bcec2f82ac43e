import type { Client } from "../../sdk/src/client.ts";
import { AnsweredBy } from "../answered-by.tsx";
import { Diff } from "../diff.tsx";
import { Warnings } from "../plan.tsx";
import type { ImportPlan } from "../types.ts";
import { Button } from "../ui.tsx";
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
      {asker(link)} may then answer and place {what} with <strong>{phoneNumber}</strong>, and with no other of
      your numbers; your {secret} stays sealed here, and you end this at any time by asking {asker(link)} to
      release the number, or by {isKey ? "deleting the API key" : "changing the Auth Token"} at Twilio.
    </p>
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
  const confirming = useAction(async (plan_hash: string) => {
    const answer = await api.importByLink({ body: { phone_number: phoneNumber, plan_hash } });
    if ("connect_link_id" in answer) onDone(answer);
  });
  const closing = [plan.error, confirming.error].find(isClosing);
  if (closing) return <Closed code={codeOf(closing) ?? ""} error={closing} />;
  const fields = plan.value?.changes.map(({ field }) => field) ?? [];
  const isTaken = {
    voice: fields.some((field) => /^(voice|status|trunk)/.test(field)),
    sms: fields.some((field) => field.startsWith("sms")),
  };
  const channels = link.channels ?? (["voice", "sms"] as const).filter((channel) => isTaken[channel]);
  const what = channels.map((channel) => WHAT[channel]).join(" and ") || "calls";
  const agent = link.agent_name ?? "the agent";
  return (
    <section>
      <h1 tabIndex={-1}>{phoneNumber}</h1>
      {plan.value === undefined && plan.error === undefined && (
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
      {plan.value && (
        <>
          <dl class="before-after">
            {(["voice", "sms"] as const).map((channel) => (
              <div key={channel}>
                <dt>{channel === "voice" ? "Calls" : "Texts"}</dt>
                <dd>
                  <span class="hidden">today: </span>
                  {plan.value && <AnsweredBy who={plan.value.answered_by[channel]} />}
                </dd>
                <dd class="after">
                  <span class="hidden">then: </span>
                  {channels.includes(channel) ? `“${agent}” of ${asker(link)}` : "stays as it is"}
                </dd>
              </div>
            ))}
          </dl>
          <Warnings of={plan.value.warnings} />
          <details>
            <summary>What changes at Twilio, in detail</summary>
            <Diff changes={plan.value.changes} />
          </details>
          <Consent link={link} phoneNumber={phoneNumber} what={what} />
          <Trouble error={confirming.error} link={link} />
          {codeOf(confirming.error) === "plan_changed" ? (
            <Button kind="primary" isBusy={plan.isLoading} onClick={plan.again}>
              Show the plan again
            </Button>
          ) : (
            <Button
              kind="primary"
              isBusy={confirming.isBusy}
              onClick={() => confirming.run(plan.value?.plan_hash ?? "")}
            >
              {confirming.isBusy ? "Connecting…" : "Connect this number"}
            </Button>
          )}
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
