import type { components } from "@nixflex/numbers";
import { cellOf, fields, table } from "../output.ts";

type Schemas = components["schemas"];

const NOTHING_CHANGED = "Nothing was changed: this is a dry run.";

type Change = { field: string; present: unknown; new: unknown };

const changesText = (changes: readonly Change[]): string =>
  changes.length === 0
    ? "No field would change."
    : table(
        ["field", "present", "new"],
        changes.map((change) => [
          change.field,
          change.present === "" ? "-" : cellOf(change.present),
          change.new === "" ? "-" : cellOf(change.new),
        ]),
      );

export function importPlanText(plan: Schemas["ImportPlan"]): string {
  const { phone_number, agent_id } = plan.phone_number;
  return [
    `${phone_number} would be answered by ${agent_id}.`,
    fields({
      "calls today": answererText(plan.answered_by.voice),
      "texts today": answererText(plan.answered_by.sms),
    }),
    changesText(plan.changes),
    ...plan.warnings.map(({ code, message }) => `Warning: ${message} (${code})`),
    ...(plan.unchecked.length === 0 ? [] : [`Twilio did not tell: ${plan.unchecked.join(", ")}.`]),
    `${NOTHING_CHANGED}\nTo import only if the number is still like this: --plan-hash ${plan.plan_hash}`,
  ].join("\n\n");
}

function answererText({ kind, name, host, sid }: Schemas["AnsweredBy"]): string {
  const where = host ?? sid;
  return `${name ?? kind.replaceAll("_", " ")}${where === undefined ? "" : ` (${where})`}`;
}

export function changeText({ phone_number, changes }: Schemas["ChangePlan"]): string {
  return [phone_number.phone_number, changesText(changes), NOTHING_CHANGED].join("\n\n");
}

export function releasePlanText({ phone_number, changes }: Schemas["ReleasePlan"]): string {
  const { twilio, phone_number: number } = phone_number;
  return [number, fields(twilio), changesText(changes), NOTHING_CHANGED].join("\n\n");
}

export function releaseText(number: Schemas["ReleasedNumber"]): string {
  const { phone_number, twilio, message, requests = [] } = number;
  return [`${phone_number} is released.`, fields(twilio), ...(message ? [message] : []), ...requests].join(
    "\n\n",
  );
}
