import { Hono } from "hono/tiny";
import { warningsOfWritten, withOwnWarnings } from "../agents/warnings.ts";
import { externalIdFor, ownerOf, requireWhole } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { isDryRun, isDryRunInAny } from "../http/dry-run.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { dryRunQuery, validateQuery } from "../http/query.ts";
import { findLimits } from "../limits-store.ts";
import { requestServices } from "../services.ts";
import { accountInPath, missingInBody } from "../twilio-accounts/known.ts";
import { changeOwnNumber, ownNumber, planChange, requireChange } from "./change.ts";
import { importNumber } from "./import/import.ts";
import { listAvailable } from "./preview/available.ts";
import { previewImport } from "./preview/preview.ts";
import { previewRelease } from "./release/preview.ts";
import { releaseNumber } from "./release/release.ts";
import { numberInPath, toTheEnd } from "./request.ts";
import { availableQuery, changeBody, importBody, listNumbersQuery } from "./schema.ts";
import { serialiseNumber, serialiseReleased, serialiseReturned } from "./serialise.ts";
import type { OwnGiven } from "./settings-schema.ts";
import { listOwnNumbers } from "./store.ts";

export const phoneNumbers = new Hono<AppEnv>()
  .post(
    "/",
    withApiKey("all"),
    validateQuery(dryRunQuery),
    requireJson,
    validateJson(importBody, undefined, missingInBody),
    async (c) => {
      const body = c.req.valid("json");
      const apiKeyId = c.get("apiKeyId");
      if (body.twilio_token !== undefined) c.get("log").conceal(body.twilio_token);
      const warnings = await warningsOfOwn(body, c);
      if (isDryRun(c, body.dry_run)) {
        const plan = await previewImport(body, apiKeyId, requestServices(c));
        return c.json({ ...plan, warnings: [...plan.warnings, ...warnings] });
      }
      const phone_number = await toTheEnd(c, importNumber(body, apiKeyId, requestServices(c)));
      return c.json(withOwnWarnings({ phone_number }, warnings), 201);
    },
  )
  .get("/", withApiKey("read"), validateQuery(listNumbersQuery), async (c) => {
    const { agent_id, external_id, twilio_sid, health, search, ...page } = c.req.valid("query");
    const { twilio } = requestServices(c);
    const filter = {
      agentId: agent_id,
      externalId: externalIdFor(c, external_id),
      accountSid: twilio_sid,
      health,
      search,
    };
    const { rows, count } = await listOwnNumbers(c.env.DB, c.get("apiKeyId"), filter, page);
    return c.json({ phone_numbers: rows.map((row) => serialiseNumber(row, twilio)), count, ...page });
  })
  .get("/:number", withApiKey("read"), async (c) => {
    const number = await ownNumber(await numberInPath(c), ownerOf(c), c.env.DB);
    return c.json({ phone_number: serialiseNumber(number, requestServices(c).twilio) });
  })
  .get("/:number/events", withApiKey("read"), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { id } = await ownNumber(await numberInPath(c), ownerOf(c), c.env.DB);
    const { deliveries, count } = await requestServices(c).outbox.listOfNumber(ownerOf(c), id, page);
    return c.json({ deliveries, count, ...page });
  })
  .patch(
    "/:number",
    withApiKey("number"),
    validateQuery(dryRunQuery),
    requireJson,
    validateJson(changeBody),
    async (c) => {
      const body = c.req.valid("json");
      if (body.twilio_token !== undefined) c.get("log").conceal(body.twilio_token);
      const services = requestServices(c);
      const { agent_id, external_id, twilio_token } = body;
      requireWhole(c, { agent_id, external_id, twilio_token });
      const change = [await numberInPath(c), body, ownerOf(c), services] as const;
      requireChange(body, await c.req.json<object>());
      const warnings = await warningsOfOwn(body, c);
      if (isDryRun(c, body.dry_run)) {
        const { number, changes, twilioChanges } = await planChange(...change);
        const phone_number = serialiseNumber(number, services.twilio);
        const plan = { dry_run: true, phone_number, changes, twilio_changes: twilioChanges };
        return c.json(withOwnWarnings(plan, warnings));
      }
      const { number, returned } = await toTheEnd(c, changeOwnNumber(...change));
      const phone_number = serialiseNumber(number, services.twilio);
      const given_back = returned && serialiseReturned(returned, "until it is done");
      return c.json(withOwnWarnings({ phone_number, given_back }, warnings));
    },
  )
  .delete("/:number", withApiKey("all"), validateQuery(dryRunQuery), async (c) => {
    const release = [await numberInPath(c), c.get("apiKeyId"), requestServices(c)] as const;
    if (await isDryRunInAny(c)) return c.json(await previewRelease(...release));
    return c.json({ phone_number: serialiseReleased(await toTheEnd(c, releaseNumber(...release))) });
  });

/** `GET /v1/twilio-accounts/{twilio_account_id}/available-numbers` */
export const availableNumbers = new Hono<AppEnv>().get(
  "/:twilio_account_id/available-numbers",
  withApiKey("all"),
  validateQuery(availableQuery),
  async (c) => {
    const account = await accountInPath(c);
    const page = c.req.valid("query");
    return c.json(await listAvailable(account, page, c.get("apiKeyId"), requestServices(c)));
  },
);

/** What whoever has written these settings of a number should know about them. */
function warningsOfOwn({ language = null, fallback = null, transfer_numbers }: OwnGiven, c: AppContext) {
  const { db, defaultLimits } = requestServices(c);
  return warningsOfWritten(
    { language, fallback, connect: null, transfer_numbers: transfer_numbers ?? [] },
    () => findLimits(db, c.get("apiKeyId"), defaultLimits),
  );
}
