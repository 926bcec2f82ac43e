import { carry, type Line, type Utterance } from "./call.ts";
import { hangUp } from "./outbound.ts";
import type { Failure, OpenSocket } from "./relay.ts";
import type { NumberResource } from "./resource.ts";
import { type Account, type MessagingService, newSid, type PlacedCall, type State } from "./state.ts";
import type { Manners } from "./voice.ts";
import { signedHandshake } from "./webhook-rules.ts";
import { type Fetch, requestWebhook, type WebhookExchange } from "./webhooks.ts";

/** Who got the call or the text. */
export type Delivery = {
  answeredBy:
    | "webhook"
    | "fallback"
    | "application"
    | "trunk"
    | "fax"
    | "messaging_service"
    | "nobody"
    | "application_error";
  /** What the caller hears first; undefined if the caller hears nothing. */
  answer?: string | undefined;
  /** The TwiML that answered first. */
  twiml: string | undefined;
  /** Every TwiML document of a call, in order. */
  documents: string[];
  conversation: Line[];
  /** The numbers and addresses that the TwiML dialled. */
  dialled: string[];
  exchanges: WebhookExchange[];
};

type Party = {
  from?: string;
  body?: string;
  /** What the caller says, one after the other; then they hang up. */
  say?: Utterance[] | (() => Promise<Utterance | undefined>);
  /** Called with Twilio's SID of the call, before it is answered. */
  onCall?: (sid: string) => void;
  /** Called with each line of the conversation, as it is heard or said. */
  onLine?: (line: Line) => void;
  /** Whether Twilio gets through to what the TwiML connects the call with; it tries unless told. */
  isReachable?: boolean;
  /** How long the caller waits for an answer, in milliseconds. */
  patienceMs?: number;
  /** How long the caller stays on the line after the last answer; not at all unless told. */
  lingerMs?: number;
  /** How Twilio and they behave. */
  manners?: Manners;
  /** The first ConversationRelay session fails so. */
  failure?: Failure;
};

const PATIENCE_MS = 20_000;

/**
 * Somebody who calls and texts a number. The number's configuration decides who gets it, in Twilio's order: for a call
 * trunk, TwiML App, voice URL; for a text Messaging Service, TwiML App, SMS URL.
 */
export function createCaller(state: State, fetch: Fetch, openSocket: OpenSocket) {
  return { ring, text };

  async function ring(
    phoneNumber: string,
    {
      from = "+15005550006",
      say = [],
      onLine = () => undefined,
      onCall = () => undefined,
      isReachable = true,
      patienceMs = PATIENCE_MS,
      lingerMs = 0,
      manners,
      failure,
    }: Party = {},
  ): Promise<Delivery> {
    const { number, account } = locate(phoneNumber);
    if (number.trunk_sid) return nowhere("trunk");
    if (number.voice_receive_mode === "fax") return nowhere("fax");
    const parameters = {
      CallSid: newSid("CA"),
      AccountSid: account.sid,
      From: from,
      To: number.phone_number,
      Caller: from,
      Called: number.phone_number,
      CallStatus: "ringing",
      ApiVersion: "2010-04-01",
      Direction: "inbound",
      FromCity: "",
      FromCountry: "US",
    };
    onCall(parameters.CallSid);
    const application = state.applications.get(number.voice_application_sid ?? "");
    const delivery = application
      ? await deliver(account, "application", application.voiceUrl, "POST", "", "POST", parameters)
      : await deliver(
          account,
          "webhook",
          number.voice_url ?? "",
          number.voice_method,
          number.voice_fallback_url ?? "",
          number.voice_fallback_method,
          parameters,
        );
    if (delivery.twiml === undefined) return delivery;
    const placed: PlacedCall = {
      resource: inboundCall(parameters, number),
      form: new URLSearchParams(),
      redirectedTo: undefined,
    };
    state.calls.push(placed);
    const left = typeof say === "function" ? say : nextOf(say);
    const call = await carry(delivery.twiml, {
      account,
      parameters,
      // Who ends a call by the REST API hangs up for both.
      next: async () => {
        const utterance = await left();
        return placed.redirectedTo === undefined ? utterance : undefined;
      },
      onLine,
      isReachable,
      openSocket,
      signUrl: (url) => signedHandshake(account, url),
      patienceMs,
      lingerMs,
      manners,
      failure,
      ask: async (url, method, more) => {
        const asked = { ...parameters, CallStatus: "in-progress", ...more };
        const fallbackUrl = number.voice_fallback_url ?? "";
        const reply = await deliver(
          account,
          delivery.answeredBy,
          url,
          method,
          fallbackUrl === url ? "" : fallbackUrl,
          number.voice_fallback_method,
          asked,
        );
        delivery.exchanges.push(...reply.exchanges);
        if (reply.twiml !== undefined) delivery.documents.push(reply.twiml);
        return reply.twiml;
      },
    });
    Object.assign(delivery, {
      answer: call.conversation.find(({ by }) => by === "agent")?.text,
      conversation: call.conversation,
      dialled: call.dialled,
    });
    if (call.recordingCallback) {
      const sid = newSid("RE");
      state.recordings.set(sid, account.sid);
      const recording = {
        AccountSid: account.sid,
        CallSid: parameters.CallSid,
        RecordingSid: sid,
        RecordingUrl: `https://api.twilio.com/2010-04-01/Accounts/${account.sid}/Recordings/${sid}`,
        RecordingStatus: "completed",
        RecordingDuration: "1",
        RecordingChannels: "2",
        RecordingSource: "StartCallRecordingTwiML",
      };
      delivery.exchanges.push(...(await request(account, call.recordingCallback, "POST", recording)));
    }
    if (!application && number.status_callback !== "") {
      const ended = { ...parameters, CallStatus: "completed", CallDuration: hangUp(placed.resource) };
      delivery.exchanges.push(
        ...(await request(account, number.status_callback, number.status_callback_method, ended)),
      );
    }
    return delivery;
  }

  async function text(
    phoneNumber: string,
    { from = "+15005550006", body = "Hello" }: Party = {},
  ): Promise<Delivery> {
    const { number, account } = locate(phoneNumber);
    const sid = newSid("SM");
    const service = messagingServiceOf(number);
    const parameters = {
      MessageSid: sid,
      SmsSid: sid,
      SmsMessageSid: sid,
      AccountSid: account.sid,
      ...(service && { MessagingServiceSid: service.sid }),
      From: from,
      To: number.phone_number,
      Body: body,
      NumMedia: "0",
      NumSegments: "1",
      SmsStatus: "received",
      ApiVersion: "2010-04-01",
      FromCity: "",
      FromCountry: "US",
    };
    if (service && !service.useInboundWebhookOnNumber) {
      if (!service.inboundRequestUrl) return nowhere("nobody");
      return deliver(account, "messaging_service", service.inboundRequestUrl, "POST", "", "POST", parameters);
    }
    const application = state.applications.get(number.sms_application_sid);
    if (application)
      return deliver(account, "application", application.smsUrl, "POST", "", "POST", parameters);
    return deliver(
      account,
      "webhook",
      number.sms_url,
      number.sms_method,
      number.sms_fallback_url,
      number.sms_fallback_method,
      parameters,
    );
  }

  function locate(phoneNumber: string): { number: NumberResource; account: Account } {
    const number = [...state.numbers.values()].find((candidate) => candidate.phone_number === phoneNumber);
    const account = state.accounts.get(number?.account_sid ?? "");
    if (!number || !account) throw new Error(`no such number: ${phoneNumber}`);
    return { number, account };
  }

  function messagingServiceOf(number: NumberResource): MessagingService | undefined {
    return [...state.messagingServices.values()].find(({ numberSids }) => numberSids.includes(number.sid));
  }

  /** Asks the URL and, if that does not answer with TwiML, the fallback URL, as Twilio does. */
  async function deliver(
    account: Account,
    to: Delivery["answeredBy"],
    url: string,
    method: string,
    fallbackUrl: string,
    fallbackMethod: string,
    parameters: Record<string, string>,
  ): Promise<Delivery> {
    if (url === "") return nowhere("nobody");
    const tries = await request(account, url, method, parameters);
    const first = tries.at(-1);
    if (first && isTwiml(first)) return deliveredBy(to, first.body, tries);
    if (fallbackUrl === "") return deliveredBy("application_error", undefined, tries);
    // Without a try, Twilio has refused the overrides. https://www.twilio.com/docs/api/errors/11243
    const ErrorCode = first ? (first.status === 0 ? "11205" : "11200") : "11243";
    const reason = { ErrorCode, ErrorUrl: url };
    const more = await request(account, fallbackUrl, fallbackMethod, { ...parameters, ...reason });
    const second = more.at(-1);
    return second && isTwiml(second)
      ? deliveredBy("fallback", second.body, [...tries, ...more])
      : deliveredBy("application_error", undefined, [...tries, ...more]);
  }

  function request(
    account: Account,
    url: string,
    method: string,
    parameters: Record<string, string>,
  ): Promise<WebhookExchange[]> {
    return requestWebhook(fetch, account, url, method, parameters);
  }
}

function deliveredBy(
  answeredBy: Delivery["answeredBy"],
  twiml: string | undefined,
  exchanges: WebhookExchange[],
): Delivery {
  const documents = twiml === undefined ? [] : [twiml];
  return { answeredBy, twiml, documents, conversation: [], dialled: [], exchanges };
}

function nextOf(say: readonly Utterance[]): () => Promise<Utterance | undefined> {
  const left = [...say];
  return async () => left.shift();
}

function nowhere(answeredBy: Delivery["answeredBy"]): Delivery {
  return deliveredBy(answeredBy, undefined, []);
}

function isTwiml({ status, contentType, body }: WebhookExchange): boolean {
  return (
    status >= 200 &&
    status < 300 &&
    /^(?:text|application)\/xml\b/.test(contentType) &&
    /<Response[\s/>]/.test(body)
  );
}

function inboundCall(
  { CallSid, AccountSid, From, To }: Record<"CallSid" | "AccountSid" | "From" | "To", string>,
  number: NumberResource,
): PlacedCall["resource"] {
  const now = new Date().toUTCString();
  return {
    sid: CallSid,
    account_sid: AccountSid,
    from: From,
    to: To,
    status: "in-progress",
    direction: "inbound",
    answered_by: null,
    date_created: now,
    start_time: now,
    end_time: null,
    duration: null,
    api_version: "2010-04-01",
    parent_call_sid: null,
    phone_number_sid: number.sid,
  };
}
