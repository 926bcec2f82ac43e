import { env } from "cloudflare:workers";
import { sign } from "../../src/twilio/signature.ts";
import { createIds } from "../../src/vault/ids.ts";
import type { NumberResource } from "../twilio-simulator/resource.ts";
import type { Account } from "../twilio-simulator/state.ts";
import { prepareImport } from "./import.ts";
import { BASE, createAgent, createKey, type Key, post, rows, send } from "./worker.ts";

/** An imported number, and everything a test needs to send webhooks about it. */
export type Imported = {
  account: Account;
  phoneNumber: string;
  key: Key;
  agentId: string;
  /** The row's id, which is in the webhook URLs behind that of its account. */
  id: string;
  body: Record<string, unknown>;
};

/** @param agent fields of the number's agent @param own what the import says of the number */
export async function haveImported(
  agent: Record<string, unknown> = {},
  fields: Partial<NumberResource> = {},
  own: Record<string, unknown> = {},
): Promise<Imported> {
  const key = await createKey();
  const { account, number, body } = await prepareImport(fields, key);
  const agentId = await createAgent(key, agent);
  const response = await post("/v1/phone-numbers", { ...body, agent_id: agentId, ...own }, { key });
  if (response.status !== 201) throw new Error(await response.text());
  const imported = (await rows<NumberRow>("phone_numbers")).find(({ agent_id }) => agent_id === agentId);
  if (imported) noteAccount(imported);
  return {
    account,
    phoneNumber: number.phone_number,
    key,
    agentId,
    id: imported?.id ?? "",
    body: { ...body, agent_id: agentId },
  };
}

type NumberRow = { id: string; agent_id: string; twilio_account_id: string };

/** The account of each number that a test has imported; its webhook URLs name both. */
const accountIds = new Map<string, string>();

export function noteAccount({ id, twilio_account_id }: Pick<NumberRow, "id" | "twilio_account_id">): void {
  accountIds.set(id, twilio_account_id);
}

/** A number's id as this service makes them, but nobody's. */
export const STRAY_ID = await createIds(env.ID_SECRET).newPhoneNumberId();
const STRAY_ACCOUNT = `twa_${"0".repeat(32)}`;

export const webhookUrl = (id: string, path: string, accountId = accountIds.get(id) ?? STRAY_ACCOUNT) =>
  `${BASE}/webhooks/twilio/${accountId}/${id}/${path}`;

type Options = {
  /** The URL it is sent to; by default the signed one. */
  url?: string;
  signature?: string;
  token?: string;
  method?: "GET" | "POST";
  contentType?: string;
  env?: Partial<Env>;
};

/** Sends the Worker a webhook as Twilio does: a form, signed with the account's token. */
export async function tell(
  { id, account }: Pick<Imported, "id" | "account">,
  path: string,
  parameters: Record<string, string>,
  { url, signature, token = account.authToken, method = "POST", contentType, env }: Options = {},
): Promise<Response> {
  const form = new URLSearchParams({ AccountSid: account.sid, ...parameters });
  const [row] = accountIds.has(id)
    ? []
    : (await rows<NumberRow>("phone_numbers")).filter((number) => number.id === id);
  if (row) accountIds.set(id, row.twilio_account_id);
  const signed = webhookUrl(id, path) + (method === "GET" ? `?${form}` : "");
  const headers = {
    "x-twilio-signature":
      signature ?? (await sign(token, signed, method === "GET" ? new URLSearchParams() : form)),
    "content-type": contentType ?? "application/x-www-form-urlencoded",
  };
  const body = method === "GET" ? null : form.toString();
  return send(new Request(url ?? signed, { method, headers, body }), env);
}
