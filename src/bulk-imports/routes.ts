import { Hono } from "hono/tiny";
import { withApiKey } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { isDryRun } from "../http/dry-run.ts";
import { allowBody, requireJson, validateJson } from "../http/json-body.ts";
import { listQuery } from "../http/page.ts";
import { dryRunQuery, validateQuery } from "../http/query.ts";
import { requestServices } from "../services.ts";
import { missingInBody } from "../twilio-accounts/known.ts";
import { beginImport, retryImport } from "./begin.ts";
import { bulkImportsOf } from "./client.ts";
import { CSV_HEADER, csvLine } from "./csv.ts";
import { listImports } from "./index-store.ts";
import { bodyLimit, bulkImportBody, csvQuery, resultsQuery, retryBody } from "./schema.ts";
import { serialiseStatus } from "./serialise.ts";

const RESULTS_AT_ONCE = 1_000;

const importsOf = (c: AppContext) => bulkImportsOf(requestServices(c).objects, c.get("apiKeyId"));

export const bulkImports = new Hono<AppEnv>()
  .post(
    "/",
    allowBody(bodyLimit),
    withApiKey("all"),
    validateQuery(dryRunQuery),
    requireJson,
    validateJson(bulkImportBody, undefined, missingInBody),
    async (c) => {
      const body = c.req.valid("json");
      if (body.twilio_token !== undefined) c.get("log").conceal(body.twilio_token);
      const dryRun = isDryRun(c, body.dry_run);
      const { id, status, total } = await beginImport(body, dryRun, c.get("apiKeyId"), requestServices(c));
      return c.json({ import_id: id, status, total }, 202);
    },
  )
  .get("/", withApiKey("read_all"), validateQuery(listQuery), async (c) => {
    const page = c.req.valid("query");
    const { ids, count } = await listImports(c.env.DB, c.get("apiKeyId"), page);
    const found = await Promise.all(ids.map(importsOf(c).find));
    const imports = found.filter((status) => status !== null).map(serialiseStatus);
    return c.json({ phone_number_imports: imports, count, ...page });
  })
  .get("/:import_id", withApiKey("read_all"), async (c) =>
    c.json(serialiseStatus(await importsOf(c).status(c.req.param("import_id")))),
  )
  .get("/:import_id/results", withApiKey("read_all"), validateQuery(resultsQuery), async (c) => {
    const { outcome = null, ...page } = c.req.valid("query");
    return c.json({ ...(await importsOf(c).results(c.req.param("import_id"), outcome, page)), ...page });
  })
  .get("/:import_id/results.csv", withApiKey("read_all"), validateQuery(csvQuery), async (c) => {
    const id = c.req.param("import_id");
    const { outcome = null } = c.req.valid("query");
    const lines = [CSV_HEADER];
    for (let offset = 0, count = 1; offset < count; offset += RESULTS_AT_ONCE) {
      const page = await importsOf(c).results(id, outcome, { limit: RESULTS_AT_ONCE, offset });
      count = page.count;
      lines.push(...page.results.map(csvLine));
    }
    return c.body(lines.join(""), 200, {
      "content-type": "text/csv",
      "content-disposition": `attachment; filename="${id}.csv"`,
    });
  })
  .post("/:import_id/cancel", withApiKey("all"), async (c) =>
    c.json(serialiseStatus(await importsOf(c).cancel(c.req.param("import_id")))),
  )
  .post("/:import_id/retry", withApiKey("all"), requireJson, validateJson(retryBody), async (c) => {
    const { twilio_token } = c.req.valid("json");
    if (twilio_token !== undefined) c.get("log").conceal(twilio_token);
    const id = c.req.param("import_id");
    return c.json(
      serialiseStatus(await retryImport(id, twilio_token, c.get("apiKeyId"), requestServices(c))),
    );
  });
