import { converse, type Failure, type OpenSocket } from "./relay.ts";
import { sessionFailure } from "./session-failures.ts";
import { type Account, newSid } from "./state.ts";
import { beginning, between, type Manners, POLITE, speakingMs, wait } from "./voice.ts";
import { type Element, elementsOf, textOf, verbsOf } from "./xml.ts";

/** What a caller does: speaks, presses keys, hangs up, or is silent. */
export type Utterance =
  | string
  | {
      say?: string;
      digits?: string;
      silent?: boolean;
      hangsUp?: boolean;
      /** They do not wait for the answer's end, but for its beginning. */
      interrupts?: boolean;
      /** They wait for no answer at all. */
      hurries?: boolean;
      /** How long they wait after that, in milliseconds. */
      afterMs?: number;
    };

/**
 * One line of a conversation: what the caller says, and of what the agent says as much as the caller hears.
 * `interrupted`: by the caller. `cut`: by the application's `end` or by its next words, or because the session broke.
 */
export type Line = {
  by: "agent" | "caller";
  text: string;
  interrupted?: true;
  cut?: "ended" | "preempted" | "broken";
};

/** Asks a URL during a call. @returns TwiML, or undefined if the URL answers with none */
type Ask = (url: string, method: string, more: Record<string, string>) => Promise<string | undefined>;

export type CallOptions = {
  account: Account;
  parameters: Record<string, string>;
  /** What the caller does next; undefined where they hang up. */
  next: () => Promise<Utterance | undefined>;
  /** Called with each line, as it is heard or said. */
  onLine: (line: Line) => void;
  /** Whether Twilio gets through to runtimes and parties. */
  isReachable: boolean;
  openSocket: OpenSocket;
  /** The headers of the handshake. */
  signUrl: (url: string) => Promise<Record<string, string>>;
  ask: Ask;
  patienceMs: number;
  lingerMs: number;
  /** How Twilio and the caller behave; politely unless told. */
  manners?: Manners | undefined;
  /** A ConversationRelay session fails so. */
  failure?: Failure | undefined;
};

/** What happened in a call. */
export type CallRecord = {
  conversation: Line[];
  /** Numbers and addresses that were dialled. */
  dialled: string[];
  recordingCallback: string | undefined;
};

// Ends a call whose documents lead in a circle. Twilio has a limit too.
const MAX_DOCUMENTS = 200;

/** Carries a call from its first TwiML to its end. https://www.twilio.com/docs/voice/twiml */
export async function carry(document: string, options: CallOptions): Promise<CallRecord> {
  const record: CallRecord = { conversation: [], dialled: [], recordingCallback: undefined };
  const hear = (line: Line) => {
    record.conversation.push(line);
    options.onLine(line);
  };
  const { ask, manners = POLITE } = options;
  let failure = options.failure;
  // What the caller was about to do when a session broke they do in what comes after it.
  let about: Promise<Utterance | undefined> | undefined;
  const nextUtterance = () => {
    about ??= options.next();
    return about;
  };
  const done = () => {
    about = undefined;
  };
  let next: string | undefined = document;
  for (let count = 0; next !== undefined && count < MAX_DOCUMENTS; count += 1) {
    next = await perform(verbsOf(next));
  }
  return record;

  /** Performs verbs until one leads to another document, or the call is over. */
  async function perform(verbs: Element[]): Promise<string | undefined> {
    for (const verb of verbs) {
      const { action, method = "POST" } = verb.attributes;
      switch (verb.name) {
        case "Say":
          await listen(textOf(verb), undefined);
          break;
        case "Start":
          for (const { attributes } of elementsOf(verb))
            record.recordingCallback ??= attributes.recordingStatusCallback;
          break;
        case "Gather": {
          const input = await gather(verb);
          if (input === "hangs up") return undefined;
          if (input && action) return ask(action, method, input);
          break;
        }
        case "Connect": {
          const { hungUp, parameters } = await connect(verb);
          if (action) {
            const reply = await ask(action, method, {
              ...(hungUp && { CallStatus: "completed" }),
              ...parameters,
            });
            return hungUp ? undefined : reply;
          }
          if (hungUp) return undefined;
          break;
        }
        case "Dial": {
          record.dialled.push(...[...elementsOf(verb).map(textOf), textOf(verb).trim()].filter(Boolean));
          const status = options.isReachable ? "completed" : "no-answer";
          if (action) return ask(action, method, { DialCallStatus: status });
          break;
        }
        case "Redirect":
          return ask(textOf(verb), method, {});
        case "Hangup":
        case "Reject":
          return undefined;
      }
    }
    return undefined;
  }

  /** The caller hears a text, or as much of it as they wait for. */
  async function listen(text: string, utterance: Utterance | undefined): Promise<void> {
    if (text === "") return;
    const act = typeof utterance === "object" ? utterance : {};
    const isCut = act.interrupts || act.hurries || act.hangsUp;
    if (!manners.takesTime) return hear({ by: "agent", text });
    const ms = speakingMs(text, manners);
    const heardMs = isCut ? Math.min(act.afterMs ?? 0, ms) : ms;
    await wait(between(manners.firstSoundMs, manners) + heardMs);
    const heard = beginning(text, (heardMs / ms) * text.length);
    if (heard !== "") hear({ by: "agent", text: heard, ...(heardMs < ms && { interrupted: true }) });
  }

  /** What the caller does while the number listens; undefined where they do nothing and Twilio goes on. */
  async function gather(verb: Element): Promise<Record<string, string> | "hangs up" | undefined> {
    const words = elementsOf(verb).filter(({ name }) => name === "Say");
    const utterance = await nextUtterance();
    for (const child of words) await listen(textOf(child), utterance);
    done();
    if (utterance === undefined) return "hangs up";
    const { say, digits, hangsUp } =
      typeof utterance === "string" ? { say: utterance, digits: undefined, hangsUp: false } : utterance;
    if (hangsUp) return "hangs up";
    if (digits !== undefined) {
      hear({ by: "caller", text: digits });
      // The key that finishes, # unless told, is not sent.
      return { Digits: digits.replace(/#.*$/, "") };
    }
    if (say !== undefined) {
      hear({ by: "caller", text: say });
      if (manners.takesTime) await wait((say.length / 14) * 1_000);
      return { SpeechResult: say, Confidence: "0.93" };
    }
    if (manners.takesTime) await wait(Number(verb.attributes.timeout ?? 5) * 1_000);
    return verb.attributes.actionOnEmptyResult === "true" ? { SpeechResult: "", Digits: "" } : undefined;
  }

  async function connect(verb: Element): Promise<{ hungUp: boolean; parameters: Record<string, string> }> {
    const [noun] = elementsOf(verb);
    const session = { SessionId: newSid("VX"), SessionDuration: "1" };
    const unreached = { ...session, SessionStatus: "failed", ErrorCode: "64102" };
    if (!options.isReachable) return { hungUp: false, parameters: unreached };
    // Streams are not simulated: a stream counts as answered, and the caller hangs up.
    if (noun?.name !== "ConversationRelay") return { hungUp: true, parameters: {} };
    const { url = "", welcomeGreeting = "", language = "en-US", events = "" } = noun.attributes;
    const refused = sessionFailure(options.account, noun.attributes);
    if (refused) return { hungUp: false, parameters: { ...session, ...refused } };
    const fails = failure;
    // Whoever is connected anew after a failure is not failed again.
    failure = undefined;
    const { CallSid, AccountSid, From, To, Direction } = options.parameters;
    const end = await converse({
      open: async () => options.openSocket(url, await options.signUrl(url)),
      setup: {
        sessionId: session.SessionId,
        accountSid: AccountSid,
        parentCallSid: "",
        callSid: CallSid,
        from: From,
        to: To,
        forwardedFrom: "",
        callType: "PSTN",
        callerName: "",
        direction: Direction,
        callStatus: "RINGING",
        customParameters: Object.fromEntries(
          elementsOf(noun)
            .filter(({ name }) => name === "Parameter")
            .map(({ attributes }) => [attributes.name, attributes.value]),
        ),
      },
      language,
      greeting: welcomeGreeting,
      isPreemptible: noun.attributes.preemptible === "true",
      events: events.split(/\s+/),
      tellsPartials: noun.attributes.partialPrompts === "true",
      reconnects: noun.attributes.applicationReconnect === "true",
      failure: fails,
      manners,
      next: nextUtterance,
      done,
      hear,
      patienceMs: options.patienceMs,
      lingerMs: options.lingerMs,
    });
    return { ...end, parameters: { ...session, ...end.parameters } };
  }
}
