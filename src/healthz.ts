import { Hono } from "hono/tiny";
import { version } from "../package.json";
import { requireAdmin } from "./api-keys/authenticate.ts";
import { requireSame } from "./api-keys/jurisdiction.ts";
import { first, readBatch, StorageError, sql } from "./database.ts";
import { fillOf } from "./database-size.ts";
import { baseServices } from "./http/base-services.ts";
import type { AppContext, AppEnv } from "./http/context.ts";
import { ApiError } from "./http/errors.ts";
import { openCanaries } from "./rotation/store.ts";
import { VaultError } from "./vault/vault.ts";

/** The last file of migrations/. @internal */
export const NEWEST_MIGRATION = "0001_initial.sql";

/**
 * `GET /healthz`: 200 and the version if the configuration is valid, D1 answers with all migrations applied, and what is
 * sealed opens, else an error. With `?deep`, and the admin token because it asks D1 often, also what the platform gives this
 * Worker.
 */
export const health = new Hono<AppEnv>().get(
  "/",
  async (c, next) => {
    await checkStorage(c);
    const answer = { status: "ok", version, version_id: c.env.VERSION?.id ?? null };
    return c.req.query("deep") === undefined ? c.json(answer) : next();
  },
  requireAdmin({ always: true }),
  async (c) => c.json(await measurePlatform(c.env.DB)),
);

/** @throws StorageError @throws ApiError `service_misconfigured` */
async function checkStorage(c: AppContext): Promise<void> {
  const config = c.get("config");
  const { db, vault } = baseServices(c.env, config, c.get("log"));
  const found = await first<{ migration: string | null; canaries: string; jurisdiction: string | null }>(
    sql(db)`SELECT (SELECT name FROM d1_migrations ORDER BY id DESC LIMIT 1) AS migration,
      (SELECT json_group_object(column_name, canary) FROM reseal_progress) AS canaries,
      (SELECT jurisdiction FROM deployment WHERE id = 1) AS jurisdiction`,
  );
  // During a deployment D1 is ahead of the Worker.
  if ((found?.migration ?? "") < NEWEST_MIGRATION)
    throw new ApiError("service_misconfigured", {
      message: `The database has no migration ${NEWEST_MIGRATION}. Apply the migrations: npm run deploy does it.`,
    });
  requireSame(found?.jurisdiction, config.jurisdiction ?? "");
  try {
    await openCanaries(Object.entries(JSON.parse(found?.canaries ?? "{}") as Record<string, string>), vault);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const message = `What is stored does not open with TOKEN_ENCRYPTION_KEYS: ${error.message}.`;
    throw new ApiError("service_misconfigured", { message, cause: error });
  }
}

// The Free plan allows 50 queries in an invocation, the Paid plan 1,000, and an invocation has six connections at once.
// https://developers.cloudflare.com/d1/platform/limits/
const ROUNDS = 10;
const AT_ONCE = 6;
const FREE_PLAN_QUERIES = 50;
const FREE_PLAN_BYTES = 500_000_000;
const MAX_ROUND_TRIP_MS = 20;
const FULL =
  "In a full database no number can be imported or released. docs/runbooks/warnings.md says what to do.";

const MESSAGES = {
  free_plan:
    "D1 refused queries beyond the fiftieth in one invocation, as on Cloudflare's Free plan. What does not work there is " +
    "in docs/deploy.md.",
  database_far_away:
    `A query to D1 takes over ${MAX_ROUND_TRIP_MS} ms, so the Worker does not run near the database. Compare \`placement\` ` +
    "in wrangler.toml with the region of the database; docs/deploy.md says how.",
  database_filling: `The database holds more than 60 % of what D1 allows. ${FULL}`,
  database_nearly_full: `The database holds more than 80 % of what D1 allows. ${FULL}`,
};

type Platform = {
  status: "ok" | "attention";
  database: {
    /** The region of the primary; null if D1 does not say, as in local development. */
    region: string | null;
    round_trip_ms: number;
    size_bytes: number;
    /** Of what a database may hold, from 0 to 1. */
    used: number;
  };
  warnings: { code: keyof typeof MESSAGES; message: string }[];
};

/** @throws StorageError */
async function measurePlatform(db: D1Database): Promise<Platform> {
  const [where] = await readBatch(db, [db.prepare("SELECT 1")]);
  const durations: number[] = [];
  let isLimited = false;
  for (let round = 0; round < ROUNDS && !isLimited; round += 1) {
    const startedAt = Date.now();
    const queries = Array.from({ length: AT_ONCE }, () => first(db.prepare("SELECT 1")));
    for (const result of await Promise.allSettled(queries)) {
      if (result.status === "fulfilled") continue;
      // A failure before the limit is D1's.
      isLimited =
        result.reason instanceof StorageError && (round + 1) * AT_ONCE > FREE_PLAN_QUERIES - AT_ONCE;
      if (!isLimited) throw result.reason;
    }
    durations.push(Date.now() - startedAt);
  }
  const roundTripMs = Math.min(...durations);
  const { bytes, share, code } = fillOf(where?.meta.size_after ?? 0, isLimited ? FREE_PLAN_BYTES : undefined);
  const found = {
    free_plan: isLimited,
    database_far_away: roundTripMs > MAX_ROUND_TRIP_MS,
    database_filling: code === "database_filling",
    database_nearly_full: code === "database_nearly_full",
  };
  const warnings = (Object.keys(found) as (keyof typeof found)[])
    .filter((code) => found[code])
    .map((code) => ({ code, message: MESSAGES[code] }));
  return {
    status: warnings.length === 0 ? "ok" : "attention",
    database: {
      region: where?.meta.served_by_region ?? null,
      round_trip_ms: roundTripMs,
      size_bytes: bytes,
      used: share,
    },
    warnings,
  };
}
