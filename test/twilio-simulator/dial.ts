import { carry, type Line, type Utterance } from "./call.ts";
import { accountOf, hangUp } from "./outbound.ts";
import type { Failure, OpenSocket } from "./relay.ts";
import type { PlacedCall, State } from "./state.ts";
import type { Manners } from "./voice.ts";
import { signedHandshake } from "./webhook-rules.ts";
import { type Fetch, requestWebhook, type WebhookExchange } from "./webhooks.ts";

/** What happens when a callee's telephone rings. */
export type Callee = {
  /** How it is answered: by a person unless told. */
  answers?: "human" | "machine" | "busy" | "no-answer" | "failed" | "canceled";
  /** What a person says, one after the other; then they hang up. */
  say?: Utterance[] | (() => Promise<Utterance | undefined>);
  onLine?: (line: Line) => void;
  isReachable?: boolean;
  patienceMs?: number;
  lingerMs?: number;
  /** How Twilio and they behave. */
  manners?: Manners;
  /** The first ConversationRelay session fails so. */
  failure?: Failure;
};

/** What became of a call. */
export type Dialled = {
  sid: string;
  from: string;
  to: string;
  status: string;
  conversation: Line[];
  documents: string[];
  exchanges: WebhookExchange[];
};

/** What becomes of a text: it is delivered, or it is not and has Twilio's code. */
export type Fate = { status?: "delivered" | "undelivered" | "failed"; errorCode?: number };

/** The telephone network for what was sent through the REST API: connects the calls that wait, and delivers the texts. */
export function createNetwork(state: State, fetch: Fetch, openSocket: OpenSocket) {
  return { dial, deliverTexts };

  /** Connects all queued calls, the oldest first. */
  async function dial(callee: Callee = {}): Promise<Dialled[]> {
    const dialled: Dialled[] = [];
    for (const call of state.calls.filter(({ resource }) => resource.status === "queued"))
      dialled.push(await connect(call, callee));
    return dialled;
  }

  async function connect(call: PlacedCall, callee: Callee): Promise<Dialled> {
    const { resource, form } = call;
    const { sid, from, to } = resource;
    const account = accountOf(state, resource);
    const exchanges: WebhookExchange[] = [];
    const documents: string[] = [];
    const parameters = () => ({
      CallSid: sid,
      AccountSid: account.sid,
      From: from,
      To: to,
      Caller: from,
      Called: to,
      CallStatus: resource.status,
      ApiVersion: "2010-04-01",
      Direction: "outbound-api",
    });
    const request = async (url: string, method: string, more: Record<string, string> = {}) => {
      const tries = await requestWebhook(fetch, account, url, method, { ...parameters(), ...more });
      exchanges.push(...tries);
      return tries.at(-1);
    };
    let sequence = 0;
    const becomes = async (status: string, event: string, more: Record<string, string> = {}) => {
      resource.status = status;
      const events = form.getAll("StatusCallbackEvent").flatMap((value) => value.split(" "));
      const callback = form.get("StatusCallback");
      if (!callback || !(events.length === 0 ? ["completed"] : events).includes(event)) return;
      const about = { CallbackSource: "call-progress-events", SequenceNumber: String(sequence++) };
      await request(callback, form.get("StatusCallbackMethod") ?? "POST", { ...about, ...more });
    };
    const done = (conversation: Line[] = []): Dialled => {
      resource.end_time ??= new Date().toUTCString();
      return { sid, from, to, status: resource.status, conversation, documents, exchanges };
    };
    const twimlFrom = async (url: string, method: string, more: Record<string, string>) => {
      const first = await request(url, method, more);
      const good = (tried: WebhookExchange | undefined) =>
        tried && tried.status === 200 && tried.contentType.includes("xml") ? tried.body : undefined;
      const fallback = form.get("FallbackUrl");
      const twiml =
        good(first) ??
        (fallback && fallback !== url
          ? good(
              await request(fallback, form.get("FallbackMethod") ?? "POST", {
                ErrorCode: "11200",
                ErrorUrl: url,
              }),
            )
          : undefined);
      if (twiml !== undefined) documents.push(twiml);
      return twiml;
    };

    await becomes("initiated", "initiated");
    await becomes("ringing", "ringing");
    const { answers = "human", say = [] } = callee;
    if (answers !== "human" && answers !== "machine") {
      await becomes(answers, "completed", { CallDuration: "0" });
      return done();
    }
    resource.start_time = new Date().toUTCString();
    await becomes("in-progress", "answered");
    const document = await twimlFrom(form.get("Url") ?? "", form.get("Method") ?? "POST", {});
    const detection = form.get("MachineDetection");
    if (detection) {
      const ofMachine = detection === "DetectMessageEnd" ? "machine_end_beep" : "machine_start";
      resource.answered_by = answers === "machine" ? ofMachine : "human";
      const callback = form.get("AsyncAmdStatusCallback");
      const about = { AnsweredBy: resource.answered_by, MachineDetectionDuration: "2300" };
      if (callback) await request(callback, form.get("AsyncAmdStatusCallbackMethod") ?? "POST", about);
    }
    const left = typeof say === "function" ? say : nextOf(answers === "machine" ? [] : say);
    const first = call.redirectedTo ?? document;
    const record =
      first === undefined
        ? undefined
        : await carry(first, {
            account,
            parameters: parameters(),
            next: left,
            onLine: callee.onLine ?? (() => undefined),
            isReachable: callee.isReachable ?? true,
            openSocket,
            signUrl: (url) => signedHandshake(account, url),
            patienceMs: callee.patienceMs ?? 20_000,
            lingerMs: callee.lingerMs ?? 0,
            manners: callee.manners,
            failure: callee.failure,
            ask: twimlFrom,
          });
    const CallDuration = hangUp(resource);
    await becomes("completed", "completed", { CallDuration, Duration: "1" });
    return done(record?.conversation);
  }

  /** Tells what becomes of all texts of which it was not told yet. */
  async function deliverTexts({ status = "delivered", errorCode }: Fate = {}): Promise<WebhookExchange[]> {
    const exchanges: WebhookExchange[] = [];
    for (const text of state.texts.filter((entry) => entry.status === "queued")) {
      const registered = registeredWith(text.from);
      const isUnregistered = registered !== null && registered !== text.messaging_service_sid;
      text.status = isUnregistered ? "undelivered" : status;
      if (!text.callback) continue;
      const parameters = {
        MessageSid: text.sid,
        SmsSid: text.sid,
        AccountSid: text.account_sid,
        From: text.from,
        To: text.to,
        MessageStatus: text.status,
        SmsStatus: text.status,
        ApiVersion: "2010-04-01",
        ...(errorCode !== undefined && { ErrorCode: String(errorCode) }),
        ...(isUnregistered && { ErrorCode: "30034" }),
      };
      exchanges.push(
        ...(await requestWebhook(fetch, accountOf(state, text), text.callback, "POST", parameters)),
      );
    }
    return exchanges;
  }

  /** The Messaging Service by which a number is registered with the carriers; null if its texts may go any way. */
  function registeredWith(phoneNumber: string): string | null {
    const number = [...state.numbers.values()].find(({ phone_number }) => phone_number === phoneNumber);
    const service = [...state.messagingServices.values()].find(
      ({ hasCampaign, numberSids }) => hasCampaign && numberSids.includes(number?.sid ?? ""),
    );
    return service?.sid ?? null;
  }
}

function nextOf(say: readonly Utterance[]): () => Promise<Utterance | undefined> {
  const left = [...say];
  return async () => left.shift();
}
