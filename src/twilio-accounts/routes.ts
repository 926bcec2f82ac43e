import { Hono } from "hono/tiny";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { validateQuery } from "../http/query.ts";
import { requestServices } from "../services.ts";
import { connectAccount } from "./connect.ts";
import { accountInPath } from "./known.ts";
import { type ConnectBody, connectBody, isByApiKey, missingCredential } from "./schema.ts";
import { serialiseAccount } from "./serialise.ts";
import { isToSettle, settleSigning } from "./signing.ts";
import { notRemoved } from "./signing-requests.ts";
import { disconnectAccount, listOwnAccounts } from "./store.ts";

/** Conceals what a request brings. @throws ApiError `api_keys_disabled` */
export function admitCredentials(body: ConnectBody, c: AppContext): void {
  for (const secret of [body.twilio_token, body.twilio_api_key_secret, body.webhook_signing_key])
    if (secret !== undefined) c.get("log").conceal(secret);
  if (isByApiKey(body) && !c.get("config").allowApiKeys) throw new ApiError("api_keys_disabled");
}

export const twilioAccounts = new Hono<AppEnv>()
  .post(
    "/",
    withApiKey("all"),
    requireJson,
    validateJson(connectBody, undefined, missingCredential),
    async (c) => {
      const body = c.req.valid("json");
      admitCredentials(body, c);
      const services = requestServices(c);
      const { account, isNew } = await connectAccount(body, c.get("apiKeyId"), services);
      return c.json({ twilio_account: serialiseAccount(account, services) }, isNew ? 201 : 200);
    },
  )
  .get("/", withApiKey("read_all"), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const services = requestServices(c);
    const { rows, count } = await listOwnAccounts(services.db, c.get("apiKeyId"), page);
    return c.json({ twilio_accounts: rows.map((row) => serialiseAccount(row, services)), count, ...page });
  })
  .get("/:twilio_account_id", withApiKey("read_all"), async (c) =>
    c.json({ twilio_account: serialiseAccount(await accountInPath(c), requestServices(c)) }),
  )
  .delete("/:twilio_account_id", withApiKey("all"), async (c) => {
    const account = await accountInPath(c);
    const { id, account_sid, region } = account;
    const numbers = await disconnectAccount(c.env.DB, c.get("apiKeyId"), id);
    if (numbers === null) throw new ApiError("account_not_found");
    if (numbers > 0) throw new ApiError("account_in_use", { details: { numbers } });
    c.get("log").info("account_disconnected", { account_sid });
    const deleted = { twilio_account_id: id, twilio_sid: account_sid, deleted: true };
    if (!isToSettle(account)) return c.json({ twilio_account: deleted });
    const key = { id, apiKeyId: c.get("apiKeyId"), accountSid: account_sid, region };
    return c.json({
      twilio_account: { ...deleted, ...notRemoved(await settleSigning(key, requestServices(c))) },
    });
  });
