import type { components } from "@nixflex/numbers";
import { HEALTH } from "../../../console/health.ts";
import { cellOf, clean, fields, fieldsOf } from "../output.ts";

type Schemas = components["schemas"];

export const NOTHING_CHANGED = "Nothing was changed: this is a dry run.";

type Change = { field: string; present: unknown; new: unknown };

const changesText = (changes: readonly Change[]): string =>
  changes.length === 0
    ? "No field would change."
    : changes
        .flatMap(({ field, present, new: next }) => [
          field,
          valueText("now", present),
          valueText("then", next),
        ])
        .join("\n");

/** A line of its own, for a webhook's URL is longer than a terminal is wide. */
const valueText = (when: string, value: unknown) =>
  `  ${when.padEnd(4)}  ${clean(value === "" ? null : cellOf(value))}`;

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

export function answererText({ kind, name, host, sid }: Schemas["AnsweredBy"]): string {
  const where = host ?? sid;
  return `${name ?? kind.replaceAll("_", " ")}${where === undefined ? "" : ` (${where})`}`;
}

export function changeText({ phone_number, changes }: Schemas["ChangePlan"]): string {
  return [phone_number.phone_number, changesText(changes), NOTHING_CHANGED].join("\n\n");
}

export function releasePlanText({ phone_number, changes }: Schemas["ReleasePlan"]): string {
  const { twilio, reason, phone_number: number } = phone_number;
  const isUnknown = Object.values(twilio).includes("unreachable");
  return [
    number,
    fields({ ...twilio, reason }),
    isUnknown && changes.length === 0
      ? "Twilio cannot be asked with what is stored, so what would be restored is unknown."
      : changesText(changes),
    NOTHING_CHANGED,
  ].join("\n\n");
}

export function releaseText(number: Schemas["ReleasedNumber"]): string {
  const { phone_number, twilio, reason, message, requests = [] } = number;
  const lines = [`${phone_number} is released.`, fields({ ...twilio, reason }), message, ...requests];
  return lines.filter(Boolean).join("\n\n");
}

type PhoneNumber = Schemas["PhoneNumber"];

export function numberText(phoneNumber: PhoneNumber): string {
  const { label, external_id, health, health_reasons, warnings, ...number } = phoneNumber;
  const shown = {
    label,
    external_id,
    ...number,
    health: health === "ok" ? health : health_reasons.join(", "),
    warnings: warnings.map(({ code }) => code).join(", "),
  };
  return [fieldsOf(shown), ...mendText([phoneNumber])].join("\n\n");
}

/** What mends a number, by the remedy that the console offers. */
const MENDS = {
  token: ({ twilio_sid }: PhoneNumber) => `nixflex-numbers accounts token ${twilio_sid}`,
  check: ({ phone_number }: PhoneNumber) => `nixflex-numbers numbers check ${phone_number}`,
  repair: ({ phone_number }: PhoneNumber) =>
    `nixflex-numbers numbers update ${phone_number} drift_policy=repair && nixflex-numbers numbers check ${phone_number}`,
  look: () => undefined,
};

/** What each ill health of these numbers means, and the commands that mend it. */
export function mendText(numbers: readonly PhoneNumber[]): string[] {
  const reasons = new Set(numbers.flatMap(({ health_reasons }) => health_reasons));
  return [...reasons].map((reason) => {
    const { means, remedy } = HEALTH[reason];
    const ill = numbers.filter(({ health_reasons }) => health_reasons.includes(reason));
    const commands = new Set(ill.map(MENDS[remedy]).filter((command) => command !== undefined));
    return [`${reason}: ${means}`, ...[...commands].map((command) => `  ${command}`)].join("\n");
  });
}
