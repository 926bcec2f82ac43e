import * as z from "zod/mini";
import { MAX_NAME_LENGTH } from "../src/api-keys/api-key.ts";
import { createSecretBody, limits as limitsSchema } from "../src/api-keys/schema.ts";
import { optionalText } from "../src/http/schema.ts";
import { type Limits, parseDefaultLimits } from "../src/limits.ts";
import { PART_COUNTS } from "../src/parts.ts";
import { KEY_ID, SECRET_ID, TIME } from "./examples.ts";
import {
  answer,
  answered,
  deleted,
  described,
  listAnswer,
  pageQuery,
  type Reference,
  time,
} from "./operation.ts";

const KEY_SECRET = `nxfs_${"c0ffee00".repeat(8)}`;

const keyId = z.string().check(z.regex(/^nxf_[0-9a-f]{32}$/));

const bothHalves = {
  message: answered(z.string(), "A reminder to keep the secret."),
  key_id: answered(keyId, "The first half of the key.", KEY_ID),
  key_secret: answered(
    z.string().check(z.regex(/^nxfs_[0-9a-f]{64}$/)),
    "The second half. It is not stored and cannot be shown again.",
    KEY_SECRET,
  ),
};

const newKey = z
  .object(bothHalves)
  .check(z.meta({ id: "NewKey", description: "Both halves of an API key. They are shown only once." }));

const LIMIT_TEXTS: Record<keyof Limits, string> = {
  max_agents: "How many agents it may have.",
  max_numbers: "How many numbers it may have.",
  model_turns_per_day:
    "How often the model may answer in a UTC day, in calls, texts and tries; a tenth of it for tries.",
  calls_per_day: "How many calls it may place, or put through to a telephone number, in a UTC day.",
  texts_per_day: "How many texts it may send in a UTC day, answers included.",
  concurrent_call_limit: "How many outbound calls it may have at once.",
  calls_per_second: "How many outbound calls of one of its Twilio accounts go out in a second.",
  allowed_countries:
    'Where it may call, text and put calls through to: ISO 3166-1 alpha-2, or `["*"]` for everywhere. Unless set: the countries of its own numbers, and those of `DEFAULT_LIMITS`.',
};

const texts = Object.entries(LIMIT_TEXTS) as [keyof Limits, string][];

/** What the operator sets; null is the deployment's default again. */
const setLimits = described(
  limitsSchema,
  Object.fromEntries(texts.map(([name, description]) => [name, { description }])) as Record<
    keyof Limits,
    { description: string }
  >,
);

const limitsAnswer = z
  .object(
    Object.fromEntries(
      texts.map(([name, description]) => [
        name,
        answered(
          name === "allowed_countries" ? z.array(z.string()) : z.nullable(z.number()),
          name === "allowed_countries" ? description : `${description} Null: no limit.`,
        ),
      ]),
    ),
  )
  .check(z.meta({ id: "Limits", description: "How much a key may use." }));

const PARTS = { call_log_parts: 1, outbox_parts: 1 };

const partFields = (schema: z.ZodMiniType) => ({
  call_log_parts: answered(
    schema,
    "Into how many parts its calls are split: 1, 2, 4 … 256. Never fewer later.",
  ),
  outbox_parts: answered(schema, "The same of its events."),
});
const parts = z.literal([...PART_COUNTS]);

const LIMITS = { ...parseDefaultLimits("{}"), allowed_countries: ["GB"] };

const listedKey = z
  .object({
    key_id: answered(keyId, "The first half of the key.", KEY_ID),
    name: answered(z.string(), "The name that the key got when it was created."),
    created_at: time("When the key was created"),
    rotated_at: z.nullable(time("When the secret was last replaced; null if it never was")),
    revoked_at: z.nullable(time("When the key was revoked; null if it was not")),
    ...partFields(parts),
    limits: limitsAnswer,
  })
  .check(z.meta({ id: "ApiKey", description: "An API key as the deployment's operator sees it." }));

const sessionKey = answered(keyId, "The API key that is signed in.", KEY_ID);

const secretId = answered(
  z.string().check(z.regex(/^sec_[0-9a-f]{32}$/)),
  "The id of the secret, which is no secret.",
  SECRET_ID,
);

/** What a secret is, and what it may do. */
const aboutSecret = {
  secret_id: secretId,
  name: answered(
    z.string(),
    "Its name, which a number's history shows; `first` is the one that the key was made with.",
    "portal",
  ),
  scope: answered(z.enum(["full", "read"]), "`read`: it sees, and changes nothing."),
  external_id: answered(
    z.nullable(z.string()),
    "It sees only numbers with this `external_id`, and what is theirs; null: the whole key.",
    "acme-42",
  ),
};

const secretFields = {
  ...aboutSecret,
  created_at: time("When it was created"),
  expires_at: z.nullable(time("When it ends; null: never")),
  last_used_on: answered(
    z.nullable(z.string()),
    "The last day, in UTC, on which it was used; null: it never was.",
    "2026-01-31",
  ),
  is_first: answered(
    z.boolean(),
    "Whether it is the one that the key was made with, which `POST /v1/keys/rotate` replaces.",
  ),
};

const secretExample = { scope: "read", last_used_on: null, is_first: false };

export const apiKeyReference: Reference = {
  tag: { name: "API keys", description: "Who may call this API. A key sees only what belongs to it." },
  operations: {
    "POST /v1/keys": {
      id: "createKey",
      summary: "Create an API key",
      description:
        "Creates an API key. Send the deployment's admin token as `Authorization: Bearer ADMIN_TOKEN`. A deployment with " +
        '`OPEN_SIGNUP = "true"` needs no token. The body is optional. With open signup, one IP address may create ten keys an hour, of 50 agents each.',
      auth: "adminToken",
      body: {
        schema: z.object({
          ...described(z.object({ name: optionalText(MAX_NAME_LENGTH) }), {
            name: { description: "A name that tells the operator whose key it is.", examples: ["Acme"] },
          })._zod.def.shape,
          limits: answered(
            z.optional(setLimits),
            "How much it may use. Needs the admin token, also if signup is open.",
          ),
        }),
        example: { name: "Acme" },
        isOptional: true,
      },
      answers: [
        answer(
          "The key. Save `key_secret` now.",
          newKey,
          {
            message: "API key created. Save the key_secret now: it is not stored and cannot be shown again.",
          },
          201,
        ),
      ],
      errors: ["rate_limit_exceeded"],
    },
    "POST /v1/keys/rotate": {
      id: "rotateKey",
      summary: "Replace the secret of an API key",
      description:
        "Replaces the secret that the key was made with, which must be the one that you send. Its `key_id` stays the same. The old " +
        "secret stops working at once, so if two rotations run at the same time, one of them gets a 401. A session of the console cannot rotate its key. " +
        "For a rotation without a gap, create a second secret first, with `POST /v1/keys/secrets`: it also helps if you do not receive the answer.",
      isUnkept: true,
      answers: [
        answer("The key with its new secret. Save `key_secret` now.", newKey, {
          message:
            "The secret was replaced; the old one has stopped working. Save the key_secret now: it is not stored and cannot be shown again.",
        }),
      ],
    },
    "POST /v1/keys/secrets": {
      id: "createSecret",
      summary: "Create a secret of an API key",
      description:
        "A key may have 1,000 secrets: one for each program, for a dashboard, or for each of your customers. The `key_id` is the " +
        "same with all of them. Needs a full secret without an `external_id`, as do listing and deleting.",
      isUnkept: true,
      body: {
        schema: described(createSecretBody, {
          name: {
            description: "Tells people whose secret it is; no two of a key have the same.",
            examples: ["portal"],
          },
          scope: {
            description: "`read`: it may use GET only, and nothing that asks Twilio. `full`: everything.",
          },
          external_id: {
            description:
              "Limits it to numbers with this `external_id`, and to their calls, texts, usage and events.",
            examples: ["acme-42"],
          },
          expires_at: {
            description: "When it ends, no later than the secret that makes it. Unless sent, never.",
            examples: ["2027-01-31T12:00:00.000Z"],
          },
        }),
        example: { name: "portal", scope: "read", external_id: "acme-42" },
      },
      answers: [
        answer(
          "The secret. Save `key_secret` now.",
          z
            .object({ ...bothHalves, ...secretFields })
            .check(z.meta({ id: "NewKeySecret", description: "A new secret, which is shown only once." })),
          {
            message: "Secret created. Save the key_secret now: it is not stored and cannot be shown again.",
            ...secretExample,
          },
          201,
        ),
      ],
      errors: ["missing_field", "secret_name_taken", "limit_reached/403"],
    },
    "GET /v1/keys/secrets": {
      id: "listSecrets",
      summary: "List the secrets of an API key",
      description: "All secrets of the calling key, newest first, without the secrets themselves.",
      query: pageQuery,
      answers: [
        listAnswer(
          "secrets",
          z
            .object(secretFields)
            .check(z.meta({ id: "KeySecret", description: "A secret of an API key, without the secret." })),
          secretExample,
        ),
      ],
    },
    "DELETE /v1/keys/secrets/{secret_id}": {
      id: "deleteSecret",
      summary: "Delete a secret of an API key",
      description:
        "The secret and its sessions stop working at once. What was done with it stays, and no call is interrupted. The last " +
        "secret that can do everything and never ends cannot be deleted.",
      answers: [answer("The secret is deleted.", z.object({ secret_id: secretId, deleted }))],
      errors: ["last_secret"],
    },
    "POST /v1/session": {
      id: "startSession",
      summary: "Sign in to the console",
      description:
        "Exchanges the API key for a cookie, which the console at `/console` uses instead of the key. The cookie is " +
        "`HttpOnly` and `SameSite=Strict`, and counts only with the header `X-Nixflex-Console`. The session ends after " +
        "twelve hours, and at once if its secret is rotated, deleted or ends, or the key is revoked. It can do what its secret can.",
      isUnkept: true,
      answers: [
        answer(
          "The session has started; the cookie is set.",
          z.object({ key_id: sessionKey, ...aboutSecret, expires_at: time("When the session ends") }),
          { scope: "read" },
          201,
        ),
      ],
    },
    "GET /v1/session": {
      id: "getSession",
      summary: "Who am I",
      description:
        "Says with which secret of which API key this request came, what it may do, and when it ends.",
      answers: [
        answer(
          "The key and the secret.",
          z.object({
            key_id: sessionKey,
            ...aboutSecret,
            expires_at: z.nullable(
              time("When the session or the secret that came with the request ends; null: never"),
            ),
          }),
          { scope: "read", expires_at: TIME },
        ),
      ],
    },
    "DELETE /v1/session": {
      id: "endSession",
      summary: "Sign out of the console",
      description: "Deletes the cookie in this browser. Rotate the key to end its sessions everywhere.",
      isUnkept: true,
      answers: [
        answer(
          "The cookie is deleted.",
          z.object({ key_id: sessionKey, ended: answered(z.literal(true), "Always true.") }),
        ),
      ],
    },
    "GET /v1/keys": {
      id: "listKeys",
      summary: "List API keys",
      description: "For the operator. All API keys of the deployment, newest first, with the revoked ones.",
      auth: "adminToken",
      query: pageQuery,
      answers: [listAnswer("keys", listedKey, { name: "Acme", ...PARTS, limits: LIMITS })],
    },
    "PATCH /v1/keys/{key_id}": {
      id: "changeKey",
      summary: "Set the limits of an API key",
      description:
        "For the operator. What is not sent stays as it is; null is what the deployment's `DEFAULT_LIMITS` says. It counts " +
        "within 30 seconds. A key with more calls or events than one object carries is split into parts, while it is in use.",
      auth: "adminToken",
      body: {
        schema: z.object({
          limits: answered(z.optional(setLimits), "The limits to change."),
          ...partFields(z.optional(parts)),
        }),
        example: { limits: { calls_per_day: 500, allowed_countries: ["GB", "IE"] } },
      },
      answers: [
        answer("The key, with all of its limits.", listedKey, {
          name: "Acme",
          ...PARTS,
          limits: { ...LIMITS, calls_per_day: 500, allowed_countries: ["GB", "IE"] },
        }),
      ],
      errors: ["missing_field"],
    },
    "DELETE /v1/keys/{key_id}": {
      id: "revokeKey",
      summary: "Revoke an API key",
      description:
        "For the operator. The key stops working at once and for ever; revoking it twice does no harm. Its numbers stay " +
        "imported and their calls are still answered: the callers did nothing wrong. The numbers are still checked against " +
        "Twilio, but no longer repaired. Another key can import such a number with the credentials of its Twilio account. The " +
        "number then belongs to that key, together with the configuration from before the first import. So, to release a " +
        "number of a revoked key, import it under a new key and then DELETE it.",
      auth: "adminToken",
      answers: [
        answer(
          "The key is revoked.",
          z.object({
            key_id: answered(keyId, "The key.", KEY_ID),
            revoked: answered(z.literal(true), "Always true."),
          }),
        ),
      ],
    },
  },
};
