import type { operations } from "@nixflex/numbers";

// What is each number's own, as a cell of a CSV file or a command line says it.

type ImportBody = NonNullable<
  operations["createPhoneNumberImport"]["requestBody"]
>["content"]["application/json"];
export type NumberToImport = NonNullable<ImportBody["items"]>[number];
type ChangeBody = operations["changePhoneNumber"]["requestBody"]["content"]["application/json"];
type Name = Exclude<keyof NumberToImport, "phone_number" | "twilio_sid" | "agent_id">;
/** A token is no argument: a shell keeps it. */
type ChangeName = Exclude<keyof ChangeBody, Name | "twilio_token" | "dry_run">;

const text = (cell: string): unknown => cell;
const list = (cell: string): unknown =>
  cell
    .split(/[,;|]/)
    .map((one) => one.trim())
    .filter(Boolean);
// What is none of these goes to the API as it is, which says what is wrong with it.
const yesOrNo = (cell: string): unknown =>
  new Map([
    ["true", true],
    ["yes", true],
    ["false", false],
    ["no", false],
  ]).get(cell.toLowerCase()) ?? cell;
const wholeNumber = (cell: string): unknown => (/^\d+$/.test(cell) ? Number(cell) : cell);
const fallback = (cell: string): unknown =>
  /^\+\d+$/.test(cell) ? { type: "dial", number: cell } : { type: "say", text: cell };
const object = (cell: string): unknown => {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
};

const READ: Record<Name, (cell: string) => unknown> = {
  external_id: text,
  label: text,
  metadata: object,
  channels: list,
  custom_prompt: text,
  sms_prompt: text,
  welcome_message: text,
  voice_id: text,
  language: text,
  transfer_numbers: list,
  fallback,
  record: yesOrNo,
  sms_reply: yesOrNo,
  dynamic_vars: object,
  inbound_url: text,
  inbound_url_timeout_ms: wholeNumber,
};

/** What else `numbers update` sets. */
const READ_CHANGE: Record<ChangeName, (cell: string) => unknown> = {
  agent_id: text,
  inbound_enabled: yesOrNo,
  outbound_enabled: yesOrNo,
  drift_policy: text,
};

const READERS = { ...READ_CHANGE, ...READ };

export const OWN_NAMES = Object.keys(READ);
export const CHANGE_NAMES = Object.keys(READERS);

/** The name of a setting as it is spelt here, with or without a name within it: `dynamic_vars.hours`. */
export function ownName(spelling: string, names: readonly string[] = OWN_NAMES): string | undefined {
  const [head = "", ...within] = spelling.split(".");
  const name = snakeCase(head);
  if (within.length === 0) return names.includes(name) ? name : undefined;
  return name === "metadata" || name === "dynamic_vars" ? [name, ...within].join(".") : undefined;
}

export const snakeCase = (name: string): string =>
  name
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase()
    .replace(/[ -]+/g, "_");

/** Settings by the names of {@link ownName}; an empty one is null. */
export function readOwn(cells: readonly (readonly [name: string, cell: string])[]) {
  const own: Record<string, unknown> = {};
  for (const [name, cell] of cells) {
    const [head = "", ...within] = name.split(".");
    if (within.length === 0) own[head] = cell === "" ? null : READERS[head as Name](cell);
    else own[head] = { ...(own[head] as object), [within.join(".")]: cell === "" ? null : cell };
  }
  return own as { [Own in Name]?: NonNullable<NumberToImport[Own]> };
}
