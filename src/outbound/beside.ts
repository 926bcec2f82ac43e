import { withApiKeyBeside } from "../api-keys/with-api-key.ts";
import type { AppContext } from "../http/context.ts";
import { readBody } from "../http/read-body.ts";
import type { callBody, textBody } from "./schema.ts";
import { selectSender } from "./store.ts";

// A call waits for as few trips to D1 as can be: what it needs is read in the one that finds the API key. For that the
// body is read before it is known who sends it. It says nothing but what to look for, and what is found counts only if
// the key is right.

/** Bodies of other sizes, and those that do not say theirs, are read later: then it takes one trip more. */
const MAX_BYTES = 64 * 1024;

/** `withApiKey` for an endpoint whose body names an agent and perhaps a number to send from. */
export const withSender = (schema: typeof callBody | typeof textBody) =>
  withApiKeyBeside(async (c, apiKeyId) => {
    const body = schema.safeParse(await peekJson(c));
    return body.success ? selectSender(c.env.DB, apiKeyId, body.data.agent_id, body.data.from_number) : [];
  });

/** The body, if it is JSON; whoever reads it after us finds it as it came. */
async function peekJson(c: AppContext): Promise<unknown> {
  const announced = Number(c.req.header("content-length"));
  if (!(announced > 0 && announced <= MAX_BYTES)) return undefined;
  const body = await readBody(c.req.raw, MAX_BYTES);
  c.req.raw = new Request(c.req.raw, { body });
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
