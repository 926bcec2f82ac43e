import fc from "fast-check";
import type { Channel } from "../../src/phone-numbers/channels.ts";
import type { D1Fault } from "../support/database.ts";
import { type Effect, effects, type Fault } from "../twilio-simulator/faults.ts";
import { OPERATIONS } from "../twilio-simulator/state.ts";

// Random histories: what people and machines do, and what goes wrong meanwhile.

/** `isStubborn`: who has no key any more goes on all the same, and does not leave it to the other. */
export type Step = {
  tenant: number;
  number: number;
  isStubborn: boolean;
} /** `channels` null: all that the number can. */ & (
  | { kind: "import"; channels: Channel[] | null }
  | { kind: "switch"; channels: Channel[] }
  /** It is imported by a connect link, with its owner's token; or somebody guesses at the token. */
  | { kind: "bring" | "guess" }
  | { kind: "release" | "move" | "check" | "rotate" | "cron" | "forget" }
  | { kind: "revoke" | "ring" }
  /** Its Twilio account is connected by an API key, by its token, or no longer. */
  | { kind: "by_key" | "by_token" | "disconnect" }
  /** The number is in the other Twilio account by now; its owner signs by another key, or by the token again. */
  | { kind: "squat" | "rule" }
  | { kind: "expel" | "send" }
  | { kind: "policy"; policy: "repair" | "report" }
  | { kind: "limit"; maxNumbers: number | null; textsPerDay: number | null }
  | { kind: "dismiss"; agent: 0 | 1 }
  | { kind: "text"; isRepeated: boolean }
  | { kind: "deliver"; isDoubled: boolean }
  | { kind: "edit"; field: "voice_url" | "sms_url" | "status_callback"; value: number }
);

export type Disturbance = {
  twilio: Fault[];
  database: D1Fault | null;
  /** Calls to event outboxes fail, before they are carried out or after. */
  outbox: "before" | "after" | null;
  /** After how many trips to D1 the isolate dies. */
  deathAfter: number | null;
};

/** One moment of a history: a step, or two at once. */
export type Moment = { steps: Step[]; disturbance: Disturbance };

// Most of a history is about one number and one tenant, for what was done before matters.
const who = {
  tenant: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
  number: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(3) }),
  isStubborn: fc.oneof(
    { weight: 3, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
};

const channels = fc.constantFrom<Channel[]>(["voice"], ["sms"], ["voice", "sms"]);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...who,
      kind: fc.constant("import" as const),
      channels: fc.oneof(fc.constant(null), channels),
    }),
  },
  { weight: 3, arbitrary: fc.record({ ...who, kind: fc.constant("switch" as const), channels }) },
  { weight: 4, arbitrary: fc.record({ ...who, kind: fc.constant("release" as const) }) },
  { weight: 3, arbitrary: fc.record({ ...who, kind: fc.constant("bring" as const) }) },
  { weight: 1, arbitrary: fc.record({ ...who, kind: fc.constant("guess" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      ...who,
      kind: fc.constantFrom(
        "move" as const,
        "check" as const,
        "rotate" as const,
        "cron" as const,
        "forget" as const,
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...who,
      kind: fc.constantFrom("revoke" as const, "ring" as const, "ring" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...who,
      kind: fc.constantFrom("by_key" as const, "by_key" as const, "by_token" as const, "disconnect" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...who,
      kind: fc.constant("dismiss" as const),
      agent: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ ...who, kind: fc.constant("text" as const), isRepeated: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ...who, kind: fc.constant("deliver" as const), isDoubled: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...who,
      kind: fc.constant("edit" as const),
      field: fc.constantFrom("voice_url" as const, "sms_url" as const, "status_callback" as const),
      value: fc.nat(99),
    }),
  },
);

const rude: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ ...who, kind: fc.constantFrom("squat" as const, "rule" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ...who, kind: fc.constantFrom("expel" as const, "send" as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...who,
      kind: fc.constant("policy" as const),
      policy: fc.constantFrom("report" as const, "repair" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...who,
      kind: fc.constant("limit" as const),
      maxNumbers: fc.constantFrom(null, 0, 1, 2),
      textsPerDay: fc.constantFrom(null, 1, 2, 5),
    }),
  },
);

// Twilio carries it out after so many further requests, often when another step is under way, or when time passes.
const late: fc.Arbitrary<Effect> = fc.record({
  kind: fc.constant("late" as const),
  requests: fc.nat(9),
  answer: fc.constantFrom("reset" as const, 504 as const),
});

const fault: fc.Arbitrary<Fault> = fc.record({
  effect: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom<Effect[]>(
        effects.reset,
        effects.replyLost,
        effects.serverErrorHtml,
        effects.appliedButServerError,
        effects.appliedButNotJson,
        effects.tooManyRequestsRetryAfter(60),
        effects.authenticate,
        effects.ignored,
        effects.hang,
        effects.appliedButHangs,
        effects.appliedLate,
      ),
    },
    { weight: 1, arbitrary: late },
  ),
  operation: fc.constantFrom(
    ...OPERATIONS.filter((operation) => ["list", "fetch", "update"].includes(operation)),
  ),
  after: fc.nat(1),
  times: fc.constantFrom(1, 2, 3, null),
});

/** An update is carried out now, later or never, its answer is lost, and nobody can find out: Twilio says nothing more. */
const silence: fc.Arbitrary<Fault[]> = fc
  .oneof(late, fc.constantFrom<Effect[]>(effects.replyLost, effects.reset))
  .map((effect) => [
    { operation: "update", effect },
    { operation: "fetch", effect: effects.serverErrorHtml, times: null },
  ]);

const database: fc.Arbitrary<D1Fault> = fc.record({
  trip: fc.integer({ min: 1, max: 7 }),
  when: fc.constantFrom("before" as const, "after" as const),
  times: fc.constantFrom(1, 2, 99),
  passing: fc.boolean(),
});

const none: Fault[] = [];

export const nothing: Disturbance = { twilio: none, database: null, outbox: null, deathAfter: null };

const failure: fc.Arbitrary<Omit<Disturbance, "outbox">> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(nothing) },
  {
    weight: 3,
    arbitrary: fc.record({
      twilio: fc.oneof(
        { weight: 2, arbitrary: fc.array(fault, { minLength: 1, maxLength: 2 }) },
        { weight: 1, arbitrary: silence },
        { weight: 1, arbitrary: late.map((effect): Fault[] => [{ operation: "update", effect }]) },
      ),
      database: fc.constant(null),
      deathAfter: fc.constant(null),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      twilio: fc.array(fault, { maxLength: 1 }),
      database,
      deathAfter: fc.constant(null),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      twilio: fc.constant(none),
      database: fc.constant(null),
      deathAfter: fc.integer({ min: 0, max: 6 }),
    }),
  },
);

const disturbance: fc.Arbitrary<Disturbance> = fc
  .tuple(failure, fc.constantFrom(null, null, null, "before" as const, "after" as const))
  .map(([failed, outbox]) => ({ ...failed, outbox }));

const any = fc.oneof({ weight: 3, arbitrary: step }, { weight: 1, arbitrary: rude });

const moments = fc.array(
  fc.record({
    steps: fc.oneof({ weight: 4, arbitrary: fc.tuple(any) }, { weight: 1, arbitrary: fc.tuple(any, any) }),
    disturbance,
  }),
  { minLength: 1, maxLength: 9, size: "max" },
);

const imported: Moment = {
  steps: [{ kind: "import", tenant: 0, number: 0, isStubborn: false, channels: null }],
  disturbance: nothing,
};

/** Many begin with a number that is imported already: there is more to be done to it. */
export const history: fc.Arbitrary<Moment[]> = fc
  .tuple(fc.boolean(), moments)
  .map(([isImported, rest]) => (isImported ? [imported, ...rest] : rest));
