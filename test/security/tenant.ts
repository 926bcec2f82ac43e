import { vi } from "vitest";
import { noteAccount, tell } from "../support/answering.ts";
import { begin, finish } from "../support/bulk.ts";
import { startCustomer } from "../support/customer.ts";
import { keepSecret } from "../support/logs.ts";
import { haveModel } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";
import { createAgent, createKey, get, type Key, post, rows } from "../support/worker.ts";
import { addAccount, addNumber } from "../twilio-simulator/state.ts";

/** What a request may name of somebody's. */
export type Named = {
  keyId: string;
  agentId: string;
  /** An imported number. */
  phoneNumber: string;
  /** A number of the same Twilio account that is not imported. */
  freeNumber: string;
  /** The customer's own id of the imported number. */
  externalId: string;
  twilioSid: string;
  twilioToken: string;
  /** A call that is over, with a transcript and a recording. */
  callId: string;
  /** A call that Twilio is placing. */
  liveCallId: string;
  deliveryId: string;
  /** A bulk import that has ended. */
  importId: string;
  /** One of the secrets of the key. */
  secretId: string;
  /** A connect link that nobody has opened. */
  linkId: string;
};

/** A customer who has one of everything. */
export type Tenant = Named & {
  key: Key;
  /** Texts that only this customer may see in an answer. */
  own: string[];
  /** Places a call. */
  place: () => Promise<{ call_id: string }>;
};

/** Two calls at once, without waiting for a turn. */
const env = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

/** Customers with these names, which are in every text that they have. */
export async function haveTenants(...names: string[]): Promise<Tenant[]> {
  const tenants: Tenant[] = [];
  for (const [index, name] of names.entries()) tenants.push(await haveTenant(name, index + 1));
  // The network connects every call that waits, whosever it is: no more is dialled from here on.
  for (const tenant of tenants) {
    const { call_id } = await tenant.place();
    tenant.liveCallId = call_id;
    tenant.own.push(call_id);
  }
  return tenants;
}

async function haveTenant(name: string, digit: number) {
  haveModel();
  const key = await createKey(`Key of ${name}`);
  const account = addAccount(twilio.state);
  keepSecret(account.authToken);
  const [phoneNumber, freeNumber] = [`+4474464668${digit}0`, `+4474464668${digit}1`];
  for (const phone_number of [phoneNumber, freeNumber]) addNumber(twilio.state, account, { phone_number });
  const customer = startCustomer(() => new Response("ok"), `https://${name}.example`);
  const agentId = await createAgent(key, {
    name: `Agent of ${name}`,
    system_prompt: `${name} is open from nine to five.`,
    welcome_message: `Hello, ${name}.`,
    webhook_url: customer.url,
  });
  const send = async <Answer>(path: string, body: unknown) => {
    const response = await post(path, body, { key, env });
    if (response.status !== 201) throw new Error(`${path}: ${await response.text()}`);
    return response.json<Answer>();
  };
  const externalId = `Business of ${name}`;
  await send("/v1/phone-numbers", {
    phone_number: phoneNumber,
    twilio_sid: account.sid,
    twilio_token: account.authToken,
    agent_id: agentId,
    external_id: externalId,
    label: `Label of ${name}`,
    metadata: { business: name },
    custom_prompt: `${name} is kind.`,
    dynamic_vars: { business: name },
  });
  const [row] = (
    await rows<{ id: string; phone_number: string; twilio_account_id: string }>("phone_numbers")
  ).filter(({ phone_number }) => phone_number === phoneNumber);
  if (row) noteAccount(row);
  const id = row?.id ?? "";

  const [callee, caller] = [`+4416329600${digit}0`, `+4416329600${digit}1`];
  const place = () =>
    send<{ call_id: string }>("/v1/calls", {
      agent_id: agentId,
      to_number: callee,
      prompt: `This is about ${name}.`,
    });
  const { call_id: callId } = await place();
  await twilio.dial({ say: [`When is ${name} open?`] });
  const recording = `RE${String(digit).repeat(32)}`;
  twilio.state.recordings.set(recording, account.sid);
  await tell({ id, account }, "recording", {
    CallSid: callId,
    RecordingSid: recording,
    RecordingStatus: "completed",
    RecordingDuration: "60",
  });
  await twilio.ring(phoneNumber, { from: caller, say: [`Is this ${name}?`] });
  await twilio.text(phoneNumber, { from: caller, body: `A text to ${name}` });
  const texts = await get("/v1/webhooks/deliveries?event=sms.received", key);
  const [delivery] = (await texts.json<{ deliveries: { id: string }[] }>()).deliveries;
  const importId = await begin(key, {
    twilio_sid: account.sid,
    twilio_token: account.authToken,
    agent_id: agentId,
    items: [{ phone_number: phoneNumber, external_id: `Customer of ${name}` }],
  });
  await finish(key, importId);
  const { secret_id: secretId, key_secret } = await send<{ secret_id: string; key_secret: string }>(
    "/v1/keys/secrets",
    { name: `Portal of ${name}`, scope: "full", external_id: externalId },
  );
  keepSecret(key_secret);
  const { connect_link_id: linkId } = await send<{ connect_link_id: string }>("/v1/connect-links", {
    agent_id: agentId,
  });
  vi.useRealTimers();
  const named = {
    keyId: key.key_id,
    agentId,
    phoneNumber,
    freeNumber,
    externalId,
    twilioSid: account.sid,
    twilioToken: account.authToken,
    callId,
    deliveryId: delivery?.id ?? "",
    importId,
    secretId,
    linkId,
  };
  return {
    ...named,
    liveCallId: "",
    key,
    place,
    own: [name, id, callee, caller, recording, ...Object.values(named)],
  };
}

/** What nobody has, in the form of what somebody has. */
export const NOBODY: Named = {
  keyId: `nxf_${"0".repeat(32)}`,
  agentId: `agent_${"0".repeat(16)}`,
  phoneNumber: "+447446466890",
  freeNumber: "+447446466891",
  externalId: "Business of nobody",
  twilioSid: `AC${"0".repeat(32)}`,
  twilioToken: "0".repeat(32),
  callId: `CA${"0".repeat(32)}`,
  liveCallId: `CA${"1".repeat(32)}`,
  deliveryId: `evt_${"0".repeat(32)}`,
  importId: `imp_${"0".repeat(32)}`,
  secretId: `sec_${"0".repeat(32)}`,
  linkId: `link_${"0".repeat(32)}`,
};
