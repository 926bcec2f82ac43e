import type { Context, Hono } from "hono";
import {
  type Account,
  type CallResource,
  type MessagingService,
  newSid,
  type Operation,
  type State,
} from "./state.ts";

// Calls and texts that are sent through the REST API.
// https://www.twilio.com/docs/voice/api/call-resource, https://www.twilio.com/docs/messaging/api/message-resource

const ACCOUNT = "/2010-04-01/Accounts/:account";
const CALL = `${ACCOUNT}/Calls/:sid{CA[0-9a-fA-F]{32}\\.json}`;
const E164 = /^\+[1-9]\d{6,14}$/;
const PAGE_SIZE = 50;

type Refuse = (status: number, code: number, message: string) => Response;
type Record_ = (operation: Operation, c: Context, parameters: URLSearchParams) => void;

export function outboundOperation(pathname: string, isGet: boolean): Operation | undefined {
  if (/\/Messages\.json$/.test(pathname)) return isGet ? "messages" : "message";
  if (/\/Calls\.json$/.test(pathname)) return isGet ? "calls" : "call";
  if (/\/Calls\/CA[0-9a-fA-F]{32}\.json$/.test(pathname)) return isGet ? "fetch_call" : "update_call";
  return undefined;
}

export function addOutbound(api: Hono, state: State, refuse: Refuse, record: Record_): void {
  api.post(`${ACCOUNT}/Calls.json`, async (c) => {
    const form = await formOf(c);
    record("call", c, form);
    const account = c.req.param("account") ?? "";
    const { From: from = "", To: to = "", Url: url = "" } = Object.fromEntries(form);
    const isOwn = state.numbers.of(account).some(({ phone_number }) => phone_number === from);
    if (!to) return refuse(400, 21201, "No 'To' number is specified");
    if (!E164.test(to))
      return refuse(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
    if (!from) return refuse(400, 21213, "'From' phone number is required");
    if (!isOwn)
      return refuse(400, 21210, "The source phone number provided is not yet verified for your account");
    if (!url) return refuse(400, 21205, "Url parameter is required.");
    if (state.accounts.get(account)?.type === "Trial")
      return refuse(
        400,
        21219,
        "The number is unverified. Trial accounts may only make calls to verified numbers.",
      );
    if (state.unreachable.has(to)) return refuse(400, 13224, "Twilio does not support calling this number");
    const call: CallResource = {
      sid: newSid("CA"),
      account_sid: account,
      from,
      to,
      status: "queued",
      direction: "outbound-api",
      answered_by: null,
      date_created: twilioDate(),
      start_time: null,
      end_time: null,
      duration: null,
      api_version: "2010-04-01",
      parent_call_sid: null,
      phone_number_sid:
        state.numbers.of(account).find(({ phone_number }) => phone_number === from)?.sid ?? "",
    };
    state.calls.push({ resource: call, form, redirectedTo: undefined });
    return c.json(call, 201);
  });

  api.get(`${ACCOUNT}/Calls.json`, (c) => {
    const query = new URL(c.req.url).searchParams;
    record("calls", c, query);
    const [from, to] = [query.get("From"), query.get("To")];
    const calls = state.calls
      .map(({ resource }) => resource)
      .filter((call) => call.account_sid === c.req.param("account"))
      .filter((call) => (from === null || call.from === from) && (to === null || call.to === to))
      .reverse();
    return c.json({ calls: pageOf(calls, query), next_page_uri: null, page: 0 });
  });

  api.get(CALL, (c) => {
    record("fetch_call", c, new URLSearchParams());
    const call = find(c);
    return call ? c.json(call.resource) : refuse(404, 20404, "The requested resource was not found");
  });

  // A call in progress goes on with another document, or ends.
  api.post(CALL, async (c) => {
    const form = await formOf(c);
    record("update_call", c, form);
    const call = find(c);
    if (!call) return refuse(404, 20404, "The requested resource was not found");
    const isOver = ["completed", "busy", "failed", "no-answer", "canceled"].includes(call.resource.status);
    if (isOver) return refuse(400, 21220, "Call is not in-progress. Cannot redirect.");
    const twiml = form.get("Twiml");
    if (twiml) call.redirectedTo = twiml;
    if (form.get("Status") === "completed") {
      call.redirectedTo = "<Response><Hangup/></Response>";
      // The API reference shows the call as completed; some programs saw it still run.
      // https://www.twilio.com/docs/voice/tutorials/how-to-modify-calls-in-progress
      if (state.hangUpAnswer === "completed") hangUp(call.resource);
    }
    if (form.get("Status") === "canceled") call.resource.status = "canceled";
    return c.json(call.resource);
  });

  api.post(`${ACCOUNT}/Messages.json`, async (c) => {
    const form = await formOf(c);
    record("message", c, form);
    const account = c.req.param("account") ?? "";
    const {
      From: from = "",
      To: to = "",
      Body: body = "",
      StatusCallback: callback,
      MessagingServiceSid: service,
    } = Object.fromEntries(form);
    const sender = state.numbers
      .of(account)
      .find(({ phone_number, capabilities }) => phone_number === from && capabilities?.sms);
    if (service !== undefined) {
      const found = state.messagingServices.get(service);
      if (!found) return refuse(400, 21701, "The Messaging Service does not exist");
      if (!found.numberSids.includes(sender?.sid ?? ""))
        return refuse(400, 21711, "Phone Number is not associated to the specified Messaging Service");
    }
    if (!sender)
      return refuse(400, 21606, "The 'From' phone number provided is not a valid message-capable number");
    if (!E164.test(to)) return refuse(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if (body === "") return refuse(400, 21602, "A text message body or media urls must be specified.");
    if (body.length > 1600)
      return refuse(400, 21617, "The concatenated message body exceeds the 1600 character limit");
    if (state.optedOut.has(to)) return refuse(400, 21610, "Attempt to send to unsubscribed recipient");
    const found = state.messagingServices.get(service ?? "");
    const isTrial = state.accounts.get(account)?.type === "Trial";
    const message = {
      sid: newSid("SM"),
      from: senderOf(state, found, from),
      to,
      body: bodyOf(body, isTrial, found),
    };
    state.messages.push(message);
    state.texts.push({
      ...message,
      messaging_service_sid: service ?? null,
      account_sid: account,
      status: "queued",
      callback,
      date_created: twilioDate(),
    });
    return c.json({ ...message, account_sid: account, direction: "outbound-api", status: "queued" }, 201);
  });

  api.get(`${ACCOUNT}/Messages.json`, (c) => {
    const query = new URL(c.req.url).searchParams;
    record("messages", c, query);
    const texts = state.texts
      .filter(({ account_sid }) => account_sid === c.req.param("account"))
      .filter(
        ({ from, to }) => [from, null].includes(query.get("From")) && [to, null].includes(query.get("To")),
      )
      .map(({ callback: _, ...text }) => ({ ...text, direction: "outbound-api" }))
      .reverse();
    return c.json({ messages: pageOf(texts, query), next_page_uri: null, page: 0 });
  });

  function find(c: Context) {
    const sid = (c.req.param("sid") ?? "").replace(/\.json$/, "");
    return state.calls.find(
      ({ resource }) => resource.sid === sid && resource.account_sid === c.req.param("account"),
    );
  }
}

/**
 * A text as Twilio sends and lists it. https://www.twilio.com/docs/messaging/services/smart-encoding-char-list,
 * https://www.twilio.com/docs/messaging/features/link-shortening
 */
function bodyOf(body: string, isTrial: boolean, service: MessagingService | undefined): string {
  const encoded = service?.hasSmartEncoding
    ? body
        .replace(/[\u201c\u201d\u00ab\u00bb]/g, '"')
        .replace(/[\u2018\u2019]/g, "'")
        .replace(/[\u2010-\u2015]/g, "-")
        .replaceAll("\u2026", "...")
    : body;
  const linked = service?.shortensLinks
    ? encoded.replace(/https?:\/\/\S+/g, "https://twil.io/a1b2c3")
    : encoded;
  return isTrial ? `Sent from your Twilio trial account - ${linked}` : linked;
}

function senderOf(state: State, service: MessagingService | undefined, from: string): string {
  const numbers = service?.numberSids.map((sid) => state.numbers.get(sid)?.phone_number ?? from) ?? [];
  return service?.picksSender ? (numbers.find((number) => number !== from) ?? from) : from;
}

/** Ends a call. @returns its length, as the last status callback tells it: whole seconds, begun ones included */
export function hangUp(call: CallResource): string {
  call.status = "completed";
  call.end_time ??= new Date().toUTCString();
  const seconds = (Date.parse(call.end_time) - Date.parse(call.start_time ?? call.end_time)) / 1_000;
  call.duration ??= String(Math.max(1, Math.ceil(seconds)));
  return call.duration;
}

/** The account of a call or a text. */
export function accountOf(state: State, { account_sid }: { account_sid: string }): Account {
  const account = state.accounts.get(account_sid);
  if (!account) throw new Error("no such account");
  return account;
}

async function formOf(c: Context): Promise<URLSearchParams> {
  return new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));
}

function pageOf<Entry>(entries: Entry[], query: URLSearchParams): Entry[] {
  return entries.slice(0, Number(query.get("PageSize") ?? PAGE_SIZE));
}

/** RFC 2822, in whole seconds. */
function twilioDate(): string {
  return new Date().toUTCString().replace("GMT", "+0000");
}
