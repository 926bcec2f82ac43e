import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { readBody } from "../http/read-body.ts";
import { isId } from "../ids.ts";
import { openTokens } from "../phone-numbers/auth-token.ts";
import { findInboundRoute, type InboundRoute } from "../phone-numbers/store.ts";
import { verify } from "../twilio/signature.ts";
import { createVault } from "../vault/vault.ts";

/**
 * Where the calls of the number in the path go, once it is sure that Twilio signed the request for that number. The
 * URL that was signed is the one Twilio was given, whatever host this request came in by.
 *
 * @throws ApiError `invalid_signature`, `not_found`, `payload_too_large`
 * @throws StorageError
 * @throws VaultError
 */
export async function trustedRoute(c: AppContext): Promise<InboundRoute> {
  const signature = c.req.header("x-twilio-signature");
  if (!signature) throw new ApiError("invalid_signature");
  const id = c.req.param("id") ?? "";
  const route = isId("phoneNumber", id) ? await findInboundRoute(c.env.DB, id) : null;
  if (!route) throw new ApiError("not_found");

  const { publicBaseUrl, tokenEncryptionKeys } = c.get("config");
  const owner = { apiKeyId: route.api_key_id, accountSid: route.account_sid };
  const tokens = await openTokens(createVault(tokenEncryptionKeys), owner, route, new Date(), c.get("log"));
  const { pathname, search } = new URL(c.req.url);
  const request = {
    url: `${publicBaseUrl}${pathname}${search}`,
    body: utf8.decode(await readBody(c.req.raw)),
  };
  if (!(await verify(tokens, signature, request))) {
    c.get("log").warn("signature_refused", {
      phone_number_id: id,
      account_sid: route.account_sid,
      parameters: parameterNames(request.body),
    });
    throw new ApiError("invalid_signature");
  }
  return route;
}

// A byte order mark is signed like anything else.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: false });

const MAX_NAMES = 60;

/** The names of the parameters, never their values: a caller's number and words are nobody's business in a log. */
function parameterNames(body: string): string {
  return [...new Set(new URLSearchParams(body).keys())].slice(0, MAX_NAMES).join(" ").slice(0, 1000);
}
