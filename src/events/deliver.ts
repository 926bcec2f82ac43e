import { errorFields } from "../http/log.ts";
import { isPublicUrl } from "../http/public-url.ts";
import type { Services } from "../services.ts";
import { VaultError } from "../vault/vault.ts";
import { type Attempt, type DeliveryError, outcomeOf } from "./delivery.ts";
import { openPayload } from "./event.ts";
import type { EventMessage } from "./message.ts";
import { recordInbound } from "./outbox.ts";
import { postEvent } from "./post.ts";
import { signingSecrets } from "./secret.ts";
import { signEvent } from "./signature.ts";
import { type DueEvent, findDueEvents, recordAttempt } from "./store.ts";

// If D1 does not answer, the message comes again after this many seconds.
const POSTPONED_SECONDS = 60;
// The queue allows a hundred retries: together that is about a day.
const DEAD_LETTER_POSTPONED_SECONDS = 900;
// The queue's delays are not exact. An attempt that is early by this much still counts as due.
const EARLY_MS = 5_000;

/** The consumer of the event queue: stores events that D1 could not store before, and makes the attempts that are due. */
export async function consumeEvents(
  messages: readonly Message<EventMessage>[],
  services: Services,
): Promise<void> {
  const { db, log } = services;
  let due: Map<string, DueEvent>;
  try {
    due = await findDueEvents(
      db,
      messages.flatMap(({ body }) => (body.kind === "deliver" ? [body.eventId] : [])),
    );
  } catch (error) {
    log.warn("events_postponed", { count: messages.length, ...errorFields(error) });
    for (const message of messages) message.retry({ delaySeconds: POSTPONED_SECONDS });
    return;
  }
  await Promise.all(
    messages.map(async (message) => {
      try {
        const delaySeconds = await work(message.body, due, services);
        if (delaySeconds === undefined) message.ack();
        else message.retry({ delaySeconds });
      } catch (error) {
        log.warn("event_postponed", { kind: message.body.kind, ...errorFields(error) });
        message.retry({ delaySeconds: POSTPONED_SECONDS });
      }
    }),
  );
}

/** @returns after how many seconds the message must come again; undefined if it is done */
async function work(
  message: EventMessage,
  due: ReadonlyMap<string, DueEvent>,
  services: Services,
): Promise<number | undefined> {
  if (message.kind === "record") {
    await recordInbound(message.told, services);
    return undefined;
  }
  const event = due.get(message.eventId);
  if (!event || !isDue(event, services.now())) return undefined;
  return attempt(event, services);
}

/** False if the message came twice, or if the event is already delivered or failed. */
function isDue({ state, next_attempt_at }: DueEvent, now: Date): boolean {
  return state === "pending" && Date.parse(next_attempt_at ?? "") <= now.getTime() + EARLY_MS;
}

async function attempt(event: DueEvent, services: Services): Promise<number | undefined> {
  const { db, log, now } = services;
  const attemptedAt = now();
  const result = await send(event, services);
  const finishedAt = now();
  const made = { ...result, attemptedAt, durationMs: finishedAt.getTime() - attemptedAt.getTime() };
  const outcome = outcomeOf(made, event.attempts_left);
  await recordAttempt(
    db,
    event.id,
    { attempt: made, attemptsLeft: event.attempts_left, outcome },
    finishedAt,
  );
  log.info("event_attempt", {
    event_id: event.id,
    state: outcome.state,
    http_status: made.httpStatus,
    error: made.error,
  });
  services.measure("event_attempt", [outcome.state, made.error ?? ""], [1, made.durationMs]);
  if (outcome.state === "pending") return outcome.delaySeconds;
  // After the last attempt the message is not acknowledged, so the queue moves it to the dead-letter queue.
  return outcome.state === "failed" && event.attempts_left <= 1 ? 0 : undefined;
}

async function send(event: DueEvent, services: Services): Promise<Pick<Attempt, "httpStatus" | "error">> {
  const { vault, delivery, now, log } = services;
  const { allowLocal, timeoutMs } = delivery;
  const { webhook_url: url, api_key_id } = event;
  const failure = (error: DeliveryError) => ({ error });
  if (url === null) return failure("no_webhook_url");
  // It was valid when it was set, but this deployment's address or rules may have changed since then.
  if (!isPublicUrl(url, { protocol: "https:", ownUrls: services.ownAddresses, allowLocal }))
    return failure("unsafe_webhook_url");
  let body: string;
  let signature: string;
  try {
    body = await openPayload(vault, event);
    signature = await signEvent(await signingSecrets(api_key_id, event, services), body, now());
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    log.error("event_unreadable", { event_id: event.id, ...errorFields(error) });
    return failure("unreadable");
  }
  const answer = await postEvent(url, body, signature, timeoutMs);
  if ("error" in answer) return answer;
  const isDone = answer.httpStatus >= 200 && answer.httpStatus < 300;
  return isDone ? answer : { ...answer, error: "http_error" };
}

/**
 * The consumer of the dead-letter queue. A `deliver` message needs no work, because its event is in D1: after its last
 * attempt the event is `failed`, and if only the queue gave up, it is still `pending` and the cron sends it again. A
 * `record` message holds an event that is nowhere else: it is stored here, or tried again later.
 */
export async function consumeDeadLetters(
  messages: readonly Message<EventMessage>[],
  services: Services,
): Promise<void> {
  const { log } = services;
  for (const message of messages) {
    const { body } = message;
    try {
      if (body.kind === "record") await recordInbound(body.told, services);
      const event_id = body.kind === "record" ? body.told.event.id : body.eventId;
      log.warn("event_dead_lettered", { event_id, kind: body.kind });
      message.ack();
    } catch (error) {
      log.error("dead_letter_postponed", errorFields(error));
      message.retry({ delaySeconds: DEAD_LETTER_POSTPONED_SECONDS });
    }
  }
}
