import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { version } from "../../package.json";
import { NEWEST_MIGRATION } from "../../src/healthz.ts";
import { ApiError, errorCatalogue, errorType } from "../../src/http/errors.ts";
import { brokenDatabase, watchedDatabase } from "../support/database.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { BASE, createKey, expectError, post, send } from "../support/worker.ts";

const get = (path: string, overrides?: Partial<Env>) => send(new Request(`${BASE}${path}`), overrides);

describe("the catalogue", () => {
  it.each(Object.entries(errorCatalogue))(
    "%s has a page where its doc_url points",
    async (code, { status, message }) => {
      const response = await get(`/docs/errors/${code}`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^text\/html/);
      const page = await response.text();
      expect(page).toContain(code);
      expect(page).toContain(String(status));
      expect(page).toContain(message.slice(0, 11));
    },
  );

  it("has no page for what is no code", async () => {
    for (const code of ["nonsense", "toString", "__proto__", "%3Cscript%3E"]) {
      await expectError(await get(`/docs/errors/${code}`), 404, "not_found");
    }
  });

  it.each([
    [400, "invalid_request"],
    [401, "authentication_error"],
    [403, "permission_error"],
    [404, "not_found"],
    [405, "invalid_request"],
    [409, "conflict"],
    [413, "invalid_request"],
    [415, "invalid_request"],
    [422, "invalid_request"],
    [429, "rate_limit_error"],
    [500, "server_error"],
    [502, "provider_error"],
    [503, "provider_error"],
  ])("status %i is of type %s", (status, type) => {
    expect(errorType(status)).toBe(type);
  });

  it("gives an error its status", () => {
    expect(new ApiError("number_already_imported").status).toBe(409);
  });
});

describe("a fault nobody thought of", () => {
  it("is a 500 that says nothing of the inside, and a log line that does", async () => {
    expectErrorLog("request_failed");
    const DB = {
      prepare: () => {
        throw new Error("the inside: secret path /etc/shadow");
      },
    } as unknown as D1Database;
    const error = await expectError(await get("/healthz", { DB }), 500, "internal_error");
    expect(JSON.stringify(error)).not.toContain("inside");
    expect(logLines()).toContainEqual(
      expect.objectContaining({
        event: "request_failed",
        error_message: "the inside: secret path /etc/shadow",
      }),
    );
  });
});

describe("an incomplete configuration", () => {
  it("is one error for all requests, whose log line names everything that is missing", async () => {
    expectErrorLog("request_failed");
    const broken = {
      PUBLIC_BASE_URL: "http://example.com",
      TOKEN_ENCRYPTION_KEYS: "k1:short",
      ADMIN_TOKEN: "",
    };
    const response = await get("/healthz", broken);
    const { error } = await response.json<{ error: { code: string; message: string } }>();
    expect([response.status, error.code]).toEqual([503, "service_misconfigured"]);
    expect(error.message).not.toContain("short");
    const [line] = logLines().filter(({ level }) => level === "error");
    expect(line?.error_message).toMatch(/PUBLIC_BASE_URL.*TOKEN_ENCRYPTION_KEYS.*ADMIN_TOKEN/);
    expect(line?.error_message).not.toContain("short");
    expect((await get("/docs/errors/service_misconfigured", broken)).status).toBe(200);
  });
});

describe("GET /healthz", () => {
  it("is ok while D1 answers", async () => {
    const response = await get("/healthz");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "ok", version, version_id: env.VERSION.id });
    const local = await get("/healthz", { VERSION: undefined as never });
    expect(await local.json()).toMatchObject({ version, version_id: null });
  });

  it("knows the newest migration, and misses it", async () => {
    expect(env.MIGRATIONS.at(-1)?.name).toBe(NEWEST_MIGRATION);
    await env.DB.prepare("UPDATE d1_migrations SET name = '0000_before.sql'").run();
    expectErrorLog("request_failed");
    try {
      const error = await expectError(await get("/healthz"), 503, "service_misconfigured");
      expect(error.message).toContain(NEWEST_MIGRATION);
    } finally {
      await env.DB.prepare("UPDATE d1_migrations SET name = ?1").bind(NEWEST_MIGRATION).run();
    }
  });

  it("is storage_unavailable when it does not", async () => {
    const broken = await get("/healthz", { DB: brokenDatabase });
    await expectError(broken, 503, "storage_unavailable");
    expect(broken.headers.get("retry-after")).toBe("2");
    expect(logLines()).toContainEqual(
      expect.objectContaining({ level: "error", event: "request_failed", error_code: "storage_unavailable" }),
    );
  });
});

describe("GET /healthz?deep", () => {
  // How long this machine takes is not what is tested.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const deep = (overrides: Partial<Env> = {}, token = env.ADMIN_TOKEN) => {
    const headers = { authorization: `Bearer ${token}` };
    return send(new Request(`${BASE}/healthz?deep`, { headers }), overrides);
  };
  type Deep = { status: string; database: { round_trip_ms: number }; warnings: { code: string }[] };
  const found = async (overrides: Partial<Env> = {}) => {
    const response = await deep(overrides);
    expect(response.status).toBe(200);
    const { status, warnings, database } = await response.json<Deep>();
    return { status, codes: warnings.map(({ code }) => code), database };
  };

  it("is for the operator alone, for it asks D1 sixty times", async () => {
    const { DB, trips } = watchedDatabase();
    await expectError(await deep({ DB }, "x"), 401, "invalid_admin_token");
    await expectError(await get("/healthz?deep=1", { DB }), 401, "invalid_admin_token");
    expect(trips()).toBe(2);
    await expectError(await deep({ DB, OPEN_SIGNUP: "true" }, ""), 401, "invalid_admin_token");
  });

  it("finds nothing where the platform gives what it should", async () => {
    const { DB, trips } = watchedDatabase();
    expect(await found({ DB })).toMatchObject({ status: "ok", codes: [] });
    expect(trips()).toBeGreaterThan(60);
  });

  it("finds the Free plan by its fifty queries", async () => {
    const { DB, trips } = watchedDatabase({ trip: 51, when: "before", times: 99 });
    expect(await found({ DB })).toMatchObject({ status: "attention", codes: ["free_plan"] });
    expect(trips()).toBeLessThan(60);
  });

  it("takes no failure of D1 for a limit", async () => {
    const { DB } = watchedDatabase({ trip: 20, when: "before", times: 99 });
    await expectError(await deep({ DB }), 503, "storage_unavailable");
  });

  it("finds a database that is far away", async () => {
    const statement = {
      bind: () => statement,
      first: async () => {
        vi.setSystemTime(Date.now() + 10);
        return { migration: NEWEST_MIGRATION, canaries: "{}", jurisdiction: null };
      },
    };
    const DB = {
      prepare: () => statement,
      batch: async () => [{ meta: { served_by_region: "WEUR", size_after: 6e9 } }],
    } as unknown as D1Database;
    expect(await found({ DB })).toMatchObject({
      status: "attention",
      codes: ["database_far_away", "database_filling"],
      database: { region: "WEUR", round_trip_ms: 60, size_bytes: 6e9, used: 0.6 },
    });
  });
});

describe("every response", () => {
  it("carries a request id that its log lines carry too, and is kept by no cache", async () => {
    const response = await post("/v1/agents", {}, { key: await createKey() });
    const id = response.headers.get("x-request-id");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const lines = logLines().filter((line) => line.request_id === id);
    expect(lines).toEqual([
      expect.objectContaining({
        event: "request",
        method: "POST",
        route: "/v1/agents",
        status: 400,
        error_code: "missing_field",
        duration_ms: expect.any(Number),
      }),
    ]);
  });

  it("has an id of its own, whatever the client sends", async () => {
    const request = new Request(`${BASE}/healthz`, { headers: { "x-request-id": "mine" } });
    expect((await send(request)).headers.get("x-request-id")).not.toBe("mine");
  });

  it("knows HEAD", async () => {
    const response = await send(new Request(`${BASE}/healthz`, { method: "HEAD" }));
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});
