import { DurableObject } from "cloudflare:workers";
import { armAt, ring } from "../alarms.ts";
import { readConfig } from "../config.ts";
import { requestOf } from "../conversations/request.ts";
import { type EventDraft, sealEvent } from "../events/event.ts";
import { tellNow } from "../events/tell.ts";
import { createLogger, errorFields } from "../http/log.ts";
import { configuredModel } from "../model/configured.ts";
import { ModelError } from "../model/model.ts";
import { countTokens, createServices, mayTake, type Services } from "../services.ts";
import type { Asked } from "../tools/ask.ts";
import { callTool, isToolTurn, noted } from "../tools/call.ts";
import { failureOf } from "../tools/question.ts";
import { NO_PHRASES } from "../tools/take-turn.ts";
import { takeTurnWithTools } from "../tools/turn.ts";
import { findAccount } from "../twilio-accounts/store.ts";
import { openJson, type Slot } from "../vault/vault.ts";
import {
  type Ask,
  MAX_TEXT_LENGTH,
  newThread,
  planReply,
  posted,
  received,
  replied,
  saidAgent,
  settled,
  type Thread,
  type ThreadOwner,
  type Waiting,
} from "./thread.ts";

const KEY = "thread";
const SLOT: Slot = "text_threads.state/thread";
const REASONS = { refused: "model_refused", unavailable: "model_failed", limited: "limit_reached" };

/**
 * The texts between one number and one correspondent. A text is written down and answered by the alarm, so that no webhook
 * waits for a model and none is lost with the isolate. Forgotten after twelve hours.
 */
export class TextThread extends DurableObject<Env> {
  #known: Services | undefined;

  // Not in the constructor: a faulty configuration would use up the attempts of its alarm.
  get #services(): Services {
    this.#known ??= createServices(
      this.env,
      readConfig(this.env),
      createLogger({ object: "text_thread" }),
      (work) => this.ctx.waitUntil(work),
    );
    return this.#known;
  }

  /** A text came in. @param sid Twilio's, by which a repetition is known */
  async receive(owner: ThreadOwner, sid: string, text: string, ask: Ask): Promise<void> {
    const now = Date.now();
    // The alarm is set with the text, so that no restart comes between them.
    await this.#change(
      (thread) => received(thread ?? newThread(owner, ask, now), owner, sid, text, ask, now),
      now,
    );
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    return ring(this.ctx.storage, "text_thread", info, () => this.#work());
  }

  async #work(): Promise<void> {
    const thread = await this.#load();
    const plan = thread ? planReply(thread, Date.now()) : ({ kind: "forget" } as const);
    if (!thread || plan.kind === "forget") return this.ctx.storage.deleteAll();
    if (plan.kind === "sleep") return armAt(this.ctx.storage, plan.until);
    if (plan.kind === "ask") await this.#ask(thread, plan.text);
    else if (plan.kind === "reply") await this.#reply(thread);
    else if (plan.kind === "give_up") await this.#fail(thread, plan.reason);
    else await this.#fail(thread, plan.isNews ? "reply_limit" : null);
    // Whatever is left is due now; else the thread sleeps until it is forgotten. No text comes between the look and the alarm.
    await this.ctx.blockConcurrencyWhile(async () => {
      const left = await this.#load();
      const next = left && planReply(left, Date.now());
      await armAt(this.ctx.storage, next?.kind === "sleep" ? next.until : Date.now());
    });
  }

  /**
   * Asks the customer who answers a text. That is written down before: nobody is asked twice, and if this object is restarted
   * meanwhile, nobody knows what he said, so the number's own settings count, as after any failure.
   */
  async #ask(thread: Thread, { sid, question, isPosted }: Waiting): Promise<void> {
    const { owner } = thread.next;
    let agent: ThreadOwner["agent"] | null = owner.agent;
    if (question) {
      if (!isPosted) await this.#change((now) => posted(now ?? thread, sid));
      const { askCustomer } = await import("../tools/ask.ts");
      const asked: Asked = isPosted
        ? { fault: "network_error" }
        : await askCustomer(question, this.#services.db);
      if ("fault" in asked) {
        const { id } = owner.number;
        const { receipt, data } = failureOf(id, "sms.inbound", asked, this.#services.now());
        await this.#tell(owner, { type: "inbound_url.failed", receipt, data });
      } else agent = saidAgent(thread.next, asked);
    }
    await this.#change((now) => settled(now ?? thread, sid, agent));
  }

  async #reply(thread: Thread): Promise<void> {
    const { owner, unanswered } = thread;
    // Twilio's REST API is not needed by a call, whose isolate evaluates this class too.
    const { accountClient } = await import("../twilio-accounts/client.ts");
    const { sendMessage } = await import("../twilio/messages.ts");
    const { TwilioError } = await import("../twilio/errors.ts");
    const { account, limits, number } = owner;
    const { callLogs } = this.#services;
    const taken = await callLogs.take(account.apiKeyId, "reply", limits, number.phoneNumber);
    if (taken.kind === "crowded") return this.#fail(thread, taken.isNews ? "reply_limit" : null);
    if (taken.kind === "refused") return this.#fail(thread, "limit_reached");
    const { text, failure } = await this.#compose(thread);
    // What was said before a tool was called is no answer.
    if (text === "" || failure) return this.#fail(thread, REASONS[failure ?? "unavailable"]);
    try {
      const stored = await findAccount(this.#services.db, account);
      // The number was released meanwhile.
      if (!stored) return this.#fail(thread, null);
      const { endpoint, credentials } = await accountClient(account, stored, this.#services);
      await this.#change((now) => ({ ...(now ?? thread), isSending: true }));
      const message = { from: number.phoneNumber, to: owner.correspondent, body: text };
      const sid = await sendMessage(endpoint, credentials, message, owner);
      await this.#change((now) => replied(now ?? thread, unanswered, text, Date.now()));
      this.#services.measure("text_reply", ["sent"], [1]);
      await callLogs
        .countText(account.apiKeyId, sid, "sent", number.externalId)
        .catch((error: unknown) => this.#services.log.error("text_not_counted", errorFields(error)));
    } catch (error) {
      if (!(error instanceof TwilioError)) throw error;
      const { failure, twilioCode } = error.facts;
      await this.#fail(thread, failure === "unavailable" ? "outcome_unknown" : "twilio_refused", twilioCode);
    }
  }

  /** What the model answers; nothing if it does not. */
  async #compose(thread: Thread): Promise<{ text: string; failure: keyof typeof REASONS | null }> {
    const { owner, turns, seen } = thread;
    const model = configuredModel(readConfig(this.env).model, this.env);
    if (!model) return { text: "", failure: null };
    const { apiKeyId } = owner.account;
    const { id: agent_id, systemPrompt, talk } = owner.agent;
    const { number, correspondent: from } = owner;
    const about = { number, agent_id, message_id: seen.at(-1) ?? "" };
    const occasion = { ...about, direction: "inbound" as const, from, to: number.phoneNumber };
    const options = {
      model,
      request: () =>
        requestOf({ systemPrompt, turns, maxTokens: talk.max_tokens_per_turn, tools: talk.tools }),
      signal: new AbortController().signal,
      patienceMs: owner.patienceMs,
      maxCharacters: Math.min(talk.max_characters_per_turn, MAX_TEXT_LENGTH),
      phrases: NO_PHRASES,
      say: () => undefined,
      spent: (tokens: number) => countTokens(apiKeyId, tokens, this.#services),
      onFailure: (error: unknown) => {
        if (error instanceof ModelError)
          this.#services.log.warn("model_failed", { agent_id, ...errorFields(error) });
      },
    };
    const at = turns.at(-1)?.at ?? "";
    let isLimited = false;
    const { text, failure } = await takeTurnWithTools(options, {
      tools: talk.tools,
      called: turns.filter(isToolTurn).length,
      take: async () => {
        isLimited = !(await mayTake("turn", apiKeyId, owner.limits, this.#services));
        return !isLimited;
      },
      note: (call) =>
        this.#change((now) => ({ ...(now ?? thread), turns: noted((now ?? thread).turns, call, at) })),
      send: (tool, call) => callTool(tool, call, apiKeyId, occasion, this.#services),
    });
    return { text: text.trim(), failure: isLimited ? "limited" : failure };
  }

  /** Leaves the texts without an answer, and tells the customer why, if there is a reason to tell. */
  async #fail(thread: Thread, reason: string | null, twilioCode?: number): Promise<void> {
    const { owner, unanswered } = thread;
    if (reason !== null) {
      const { number, correspondent: to } = owner;
      const data = { from: number.phoneNumber, to, reason, twilio_code: twilioCode ?? null };
      await this.#tell(owner, { type: "sms.failed", data });
      this.#services.measure("text_reply", [reason], [1]);
    }
    await this.#change((now) => ({
      ...(now ?? thread),
      unanswered: Math.max((now ?? thread).unanswered - unanswered, 0),
      isSending: false,
      ...(reason === "reply_limit" && { limitToldAt: Date.now() }),
    }));
  }

  async #tell(
    { account, agent, number }: ThreadOwner,
    about: Pick<EventDraft, "type" | "data" | "receipt">,
  ): Promise<void> {
    const { vault, now } = this.#services;
    const draft = { ...about, apiKeyId: account.apiKeyId, agentId: agent.id, number };
    await tellNow(await sealEvent(draft, vault, now()), this.#services);
  }

  async #load(): Promise<Thread | null> {
    const sealed = await this.ctx.storage.get<string>(KEY);
    return sealed === undefined ? null : openJson<Thread>(this.#services.vault, sealed, SLOT);
  }

  /** Reads, changes and writes, with nothing else in between. */
  #change(change: (thread: Thread | null) => Thread, alarmAt?: number): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const changed = change(await this.#load());
      const sealed = await this.#services.vault.seal(JSON.stringify(changed), SLOT);
      const alarm = alarmAt === undefined ? undefined : armAt(this.ctx.storage, alarmAt);
      await Promise.all([this.ctx.storage.put(KEY, sealed), alarm]);
    });
  }
}
