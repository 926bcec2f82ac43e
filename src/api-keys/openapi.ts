import * as z from "zod/mini";
import { answered, described, listAnswer, listQuery, type Reference, time } from "../http/operation.ts";
import { DEFAULT_LIMIT } from "../http/page.ts";
import { createKeyBody } from "./schema.ts";

const KEY_ID = `nxf_${"5f2c9a7e".repeat(4)}`;
const KEY_SECRET = `nxfs_${"c0ffee00".repeat(8)}`;

const TIME = "2026-01-31T12:00:00.000Z";

const keyId = z.string().check(z.regex(/^nxf_[0-9a-f]{32}$/));

const newKey = z
  .object({
    message: answered(z.string(), "A reminder to keep the secret."),
    key_id: answered(keyId, "The first half of the key.", KEY_ID),
    key_secret: answered(
      z.string().check(z.regex(/^nxfs_[0-9a-f]{64}$/)),
      "The second half. It is not stored and cannot be shown again.",
      KEY_SECRET,
    ),
  })
  .check(z.meta({ id: "NewKey", description: "An API key, both halves: the only time they are shown." }));

const listedKey = z
  .object({
    key_id: answered(keyId, "The first half of the key.", KEY_ID),
    name: answered(z.string(), "Whose key it is, as it was made."),
    created_at: time("When it was made"),
    rotated_at: z.nullable(time("When its secret was last replaced; null where it never was")),
    revoked_at: z.nullable(time("When it was revoked; null where it was not")),
  })
  .check(z.meta({ id: "ApiKey", description: "An API key as the deployment's operator sees it." }));

export const apiKeyReference: Reference = {
  tag: { name: "API keys", description: "Who may call this API. A key sees only what is its own." },
  operations: {
    "POST /v1/keys": {
      id: "createKey",
      summary: "Make an API key",
      description:
        "Makes an API key. Send the deployment's admin token as `Authorization: Bearer ADMIN_TOKEN`; a deployment with " +
        '`OPEN_SIGNUP = "true"` asks for none. The body may be left out. Ten an hour can be made from one IP address.',
      auth: "adminToken",
      body: {
        schema: described(createKeyBody, {
          name: { description: "Whose key it is, for the deployment's operator.", examples: ["Acme"] },
        }),
        example: { name: "Acme" },
        isOptional: true,
      },
      answers: [
        {
          status: 201,
          description: "The key. Keep `key_secret` now.",
          schema: newKey,
          example: {
            message: "API key created. Keep the key_secret now: it is not stored and cannot be shown again.",
            key_id: KEY_ID,
            key_secret: KEY_SECRET,
          },
        },
      ],
      errors: ["rate_limit_exceeded"],
    },
    "POST /v1/keys/rotate": {
      id: "rotateKey",
      summary: "Replace the secret of an API key",
      description:
        "Gives the calling API key a new secret under the same `key_id`. The one before is dead at once, so of two rotations " +
        "at the same moment one is a 401. If the answer is lost on its way, so is the key: the operator makes a new one.",
      auth: "apiKey",
      isUnkept: true,
      answers: [
        {
          status: 200,
          description: "The key with its new secret. Keep `key_secret` now.",
          schema: newKey,
          example: {
            message:
              "The secret was replaced; the one before is dead. Keep the key_secret now: it is not stored and cannot be shown again.",
            key_id: KEY_ID,
            key_secret: KEY_SECRET,
          },
        },
      ],
      errors: [],
    },
    "GET /v1/keys": {
      id: "listKeys",
      summary: "List API keys",
      description: "All API keys of the deployment, newest first, revoked ones included. For the operator.",
      auth: "adminToken",
      query: listQuery(),
      answers: [
        {
          status: 200,
          description: "A page of keys, and how many there are in all.",
          schema: listAnswer("keys", listedKey),
          example: {
            keys: [{ key_id: KEY_ID, name: "Acme", created_at: TIME, rotated_at: null, revoked_at: null }],
            count: 1,
            limit: DEFAULT_LIMIT,
            offset: 0,
          },
        },
      ],
      errors: ["invalid_field"],
    },
    "DELETE /v1/keys/{key_id}": {
      id: "revokeKey",
      summary: "Revoke an API key",
      description:
        "Ends a key at once and for good; doing it twice is the same as doing it once. Its numbers stay imported and are " +
        "answered on, for their callers are not to blame. They are compared with Twilio and never repaired. Whoever " +
        "imports one of them under another key, with credentials of its Twilio account, takes it over, along with what " +
        "it had before the first import. So to leave: import it under a new key, then DELETE it. For the operator.",
      auth: "adminToken",
      path: described(z.object({ key_id: z.string() }), {
        key_id: { description: "The first half of the key.", examples: [KEY_ID] },
      }),
      answers: [
        {
          status: 200,
          description: "It is revoked.",
          schema: z.object({
            key_id: answered(keyId, "The key.", KEY_ID),
            revoked: answered(z.literal(true), "Always true."),
          }),
          example: { key_id: KEY_ID, revoked: true },
        },
      ],
      errors: ["key_not_found"],
    },
  },
};
