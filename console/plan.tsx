import { AnsweredBy } from "./answered-by.tsx";
import { Diff } from "./diff.tsx";
import type { ImportPlan } from "./types.ts";

/** What to know although it can be done. */
export function Warnings({ of }: { of: readonly { code: string; message: string }[] }) {
  if (of.length === 0) return null;
  return (
    <div role="status">
      <ul class="warnings">
        {of.map(({ code, message }) => (
          <li key={code}>{message}</li>
        ))}
      </ul>
    </div>
  );
}

/** What an import would do: who answers today, what to know before, and what changes at Twilio. */
export function Plan({ plan: { answered_by, warnings, changes, unchecked } }: { plan: ImportPlan }) {
  return (
    <>
      <dl class="facts">
        <dt>Calls today</dt>
        <dd>
          <AnsweredBy who={answered_by.voice} />
        </dd>
        <dt>Texts today</dt>
        <dd>
          <AnsweredBy who={answered_by.sms} />
        </dd>
      </dl>
      <Warnings of={warnings} />
      <Diff changes={changes} />
      {unchecked.length > 0 && (
        <p class="quiet">Twilio did not say everything; not checked: {unchecked.join(", ")}.</p>
      )}
    </>
  );
}
