import fc from "fast-check";
import type { D1Fault } from "../support/database.ts";
import { effects, type Fault } from "../twilio-simulator/faults.ts";
import { OPERATIONS } from "../twilio-simulator/state.ts";

// Random histories: what people and machines do, and what goes wrong meanwhile.

export type Step = { tenant: number; number: number } & (
  | { kind: "import" | "release" | "move" | "check" | "rotate" | "cron" | "forget" }
  | { kind: "deliver"; isDoubled: boolean }
  | { kind: "edit"; field: "voice_url" | "sms_url" | "status_callback"; value: number }
);

export type Disturbance = {
  twilio: Fault[];
  database: D1Fault | null;
  /** Whether calls to event outboxes fail, before they are carried out or after. */
  outbox: "before" | "after" | null;
  /** After how many trips to D1 the isolate dies. */
  deathAfter: number | null;
};

/** One moment of a history: a step, or two at once. */
export type Moment = { steps: Step[]; disturbance: Disturbance };

const who = { tenant: fc.nat(1), number: fc.nat(3) };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ ...who, kind: fc.constant("import" as const) }) },
  { weight: 4, arbitrary: fc.record({ ...who, kind: fc.constant("release" as const) }) },
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

const fault: fc.Arbitrary<Fault> = fc.record({
  effect: fc.constantFrom(
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
    effects.appliedBehindGateway,
  ),
  operation: fc.constantFrom(
    ...OPERATIONS.filter((operation) => ["list", "fetch", "update"].includes(operation)),
  ),
  after: fc.nat(1),
  times: fc.constantFrom(1, 2, 3, null),
});

const database: fc.Arbitrary<D1Fault> = fc.record({
  trip: fc.integer({ min: 1, max: 7 }),
  when: fc.constantFrom("before" as const, "after" as const),
  times: fc.constantFrom(1, 2, 99),
});

const none: Fault[] = [];

const failure: fc.Arbitrary<Omit<Disturbance, "outbox">> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ twilio: none, database: null, deathAfter: null }) },
  {
    weight: 3,
    arbitrary: fc.record({
      twilio: fc.array(fault, { minLength: 1, maxLength: 2 }),
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
  .tuple(failure, fc.constantFrom(null, null, "before" as const, "after" as const))
  .map(([failed, outbox]) => ({ ...failed, outbox }));

export const history: fc.Arbitrary<Moment[]> = fc.array(
  fc.record({
    steps: fc.oneof({ weight: 4, arbitrary: fc.tuple(step) }, { weight: 1, arbitrary: fc.tuple(step, step) }),
    disturbance,
  }),
  { minLength: 1, maxLength: 8 },
);
