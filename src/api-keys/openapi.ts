import * as z from "zod/mini";
import { answered, described, type Reference } from "../http/operation.ts";
import { createKeyBody } from "./schema.ts";

const KEY_ID = `nxf_${"5f2c9a7e".repeat(4)}`;
const KEY_SECRET = `nxfs_${"c0ffee00".repeat(8)}`;

const newKey = z
  .object({
    message: answered(z.string(), "A reminder to keep the secret."),
    key_id: answered(z.string().check(z.regex(/^nxf_[0-9a-f]{32}$/)), "The first half of the key.", KEY_ID),
    key_secret: answered(
      z.string().check(z.regex(/^nxfs_[0-9a-f]{64}$/)),
      "The second half. It is not stored and cannot be shown again.",
      KEY_SECRET,
    ),
  })
  .check(z.meta({ id: "NewKey", description: "An API key, both halves: the only time they are shown." }));

export const apiKeyReference: Reference = {
  tag: { name: "API keys", description: "Who may call this API. A key sees only what is its own." },
  operations: {
    "POST /v1/keys": {
      id: "createKey",
      summary: "Make an API key",
      description:
        "Makes an API key. Send the deployment's admin token as `Authorization: Bearer ADMIN_TOKEN`; a deployment with " +
        '`OPEN_SIGNUP = "true"` asks for none. The body may be left out.',
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
      errors: [],
    },
  },
};
