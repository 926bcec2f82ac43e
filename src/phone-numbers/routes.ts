import { Hono } from "hono/tiny";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppEnv } from "../http/context.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { oneOf, pageOf } from "../http/page.ts";
import { requestServices } from "../services.ts";
import { explainSid } from "../twilio-accounts/diagnose.ts";
import { changeOwnNumber, ownNumber } from "./change.ts";
import { importNumber } from "./import/import.ts";
import { previewImport } from "./preview/preview.ts";
import { releaseNumber } from "./release/release.ts";
import { numberInPath, toTheEnd } from "./request.ts";
import { changeBody, importBody } from "./schema.ts";
import { serialiseImported, serialiseNumber, serialisePreview, serialiseReleased } from "./serialise.ts";
import { listOwnNumbers } from "./store.ts";

export const phoneNumbers = new Hono<AppEnv>()
  .post("/", withApiKey, requireJson, validateJson(importBody, explainSid), async (c) => {
    const body = c.req.valid("json");
    const apiKeyId = c.get("apiKeyId");
    c.get("log").conceal(body.twilio_token);
    if (oneOf(c, "dry_run", ["true", "false"]) === "true") {
      return c.json(serialisePreview(body, await previewImport(body, apiKeyId, requestServices(c))));
    }
    const imported = await toTheEnd(c, importNumber(body, apiKeyId, requestServices(c)));
    return c.json({ phone_number: serialiseImported(imported) }, 201);
  })
  .get("/", withApiKey, async (c) => {
    const page = pageOf(c);
    const query = { ...page, apiKeyId: c.get("apiKeyId"), agentId: c.req.query("agent_id") || undefined };
    const { rows, count } = await listOwnNumbers(c.env.DB, query);
    return c.json({ phone_numbers: rows.map(serialiseNumber), count, ...page });
  })
  .get("/:number", withApiKey, async (c) => {
    const number = await ownNumber(numberInPath(c), c.get("apiKeyId"), c.env.DB);
    return c.json({ phone_number: serialiseNumber(number) });
  })
  .patch("/:number", withApiKey, requireJson, validateJson(changeBody), async (c) => {
    const body = c.req.valid("json");
    if (body.twilio_token !== undefined) c.get("log").conceal(body.twilio_token);
    const work = changeOwnNumber(numberInPath(c), body, c.get("apiKeyId"), requestServices(c));
    return c.json({ phone_number: serialiseNumber(await toTheEnd(c, work)) });
  })
  .delete("/:number", withApiKey, async (c) => {
    const work = releaseNumber(numberInPath(c), c.get("apiKeyId"), requestServices(c));
    return c.json({ phone_number: serialiseReleased(await toTheEnd(c, work)) });
  });
