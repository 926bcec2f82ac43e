import { Hono } from "hono/tiny";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppEnv } from "../http/context.ts";
import { isDryRun, isDryRunInAny } from "../http/dry-run.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { oneOf, pageOf } from "../http/page.ts";
import { requestServices } from "../services.ts";
import { changeOwnNumber, ownNumber, planChange, requireChange } from "./change.ts";
import { HEALTH_REASONS } from "./health.ts";
import { importNumber } from "./import/import.ts";
import { previewImport } from "./preview/preview.ts";
import { previewRelease } from "./release/preview.ts";
import { releaseNumber } from "./release/release.ts";
import { numberInPath, toTheEnd } from "./request.ts";
import { changeBody, importBody } from "./schema.ts";
import {
  serialiseImported,
  serialiseNumber,
  serialisePreview,
  serialiseReleased,
  serialiseReleasePreview,
} from "./serialise.ts";
import { listOwnNumbers } from "./store.ts";

export const phoneNumbers = new Hono<AppEnv>()
  .post("/", withApiKey, requireJson, validateJson(importBody), async (c) => {
    const body = c.req.valid("json");
    const apiKeyId = c.get("apiKeyId");
    c.get("log").conceal(body.twilio_token);
    if (isDryRun(c, body.dry_run)) {
      return c.json(serialisePreview(body, await previewImport(body, apiKeyId, requestServices(c))));
    }
    const imported = await toTheEnd(c, importNumber(body, apiKeyId, requestServices(c)));
    return c.json({ phone_number: serialiseImported(imported) }, 201);
  })
  .get("/", withApiKey, async (c) => {
    const page = pageOf(c);
    const { twilio } = requestServices(c);
    const filter = {
      agentId: c.req.query("agent_id") || undefined,
      accountSid: c.req.query("twilio_sid") || undefined,
      health: oneOf(c, "health", ["attention", "ok", ...HEALTH_REASONS]),
      // As people write numbers: "(555) 000-1" is a part of +15550001.
      search: c.req.query("search")?.replace(/[\s()+.-]/g, "") || undefined,
    };
    const { rows, count } = await listOwnNumbers(c.env.DB, c.get("apiKeyId"), filter, page);
    return c.json({ phone_numbers: rows.map((row) => serialiseNumber(row, twilio)), count, ...page });
  })
  .get("/:number", withApiKey, async (c) => {
    const number = await ownNumber(numberInPath(c), c.get("apiKeyId"), c.env.DB);
    return c.json({ phone_number: serialiseNumber(number, requestServices(c).twilio) });
  })
  .get("/:number/events", withApiKey, async (c) => {
    const page = pageOf(c);
    const apiKeyId = c.get("apiKeyId");
    const { id } = await ownNumber(numberInPath(c), apiKeyId, c.env.DB);
    const { deliveries, count } = await requestServices(c).outbox.listOfNumber(apiKeyId, id, page);
    return c.json({ deliveries, count, ...page });
  })
  .patch("/:number", withApiKey, requireJson, validateJson(changeBody), async (c) => {
    const body = c.req.valid("json");
    if (body.twilio_token !== undefined) c.get("log").conceal(body.twilio_token);
    const services = requestServices(c);
    const change = [numberInPath(c), body, c.get("apiKeyId"), services] as const;
    requireChange(body, await c.req.json<object>());
    if (isDryRun(c, body.dry_run)) {
      const { number, changes } = await planChange(...change);
      return c.json({ dry_run: true, phone_number: serialiseNumber(number, services.twilio), changes });
    }
    const number = await toTheEnd(c, changeOwnNumber(...change));
    return c.json({ phone_number: serialiseNumber(number, services.twilio) });
  })
  .delete("/:number", withApiKey, async (c) => {
    const release = [numberInPath(c), c.get("apiKeyId"), requestServices(c)] as const;
    if (await isDryRunInAny(c)) return c.json(serialiseReleasePreview(await previewRelease(...release)));
    return c.json({ phone_number: serialiseReleased(await toTheEnd(c, releaseNumber(...release))) });
  });
