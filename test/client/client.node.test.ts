import {
  type Client,
  createClient,
  EventRefused,
  NixflexError,
  paginate,
  verifyEvent,
} from "@nixflex/numbers";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signedHeaders, standardSecret } from "../../src/events/signature.ts";

// The files of a process share what they import: neither has another file's client these operations, nor this one another's.
vi.hoisted(() => vi.resetModules());
afterAll(() => void vi.resetModules());

// Operations of every shape, whatever the API has at present.
vi.mock("../../sdk/dist/generated/routes.js", () => ({
  routes: {
    getHealth: ["GET", "/healthz"],
    createAgent: ["POST", "/v1/agents", true],
    listCalls: ["GET", "/v1/calls"],
    rotateKey: ["POST", "/v1/keys/rotate"],
    updateThing: ["PATCH", "/v1/things/{number}/{part}"],
  },
}));

const BASE = "https://numbers.example.com";

function clientAnswering(response: () => Response, token?: string, maxRetries = 0) {
  const requests: Request[] = [];
  const client = createClient({
    baseUrl: BASE,
    maxRetries,
    ...(token !== undefined && { token }),
    fetch: async (request) => {
      requests.push(request);
      return response();
    },
  });
  return { client, requests };
}

describe("a request", () => {
  it("has the method, path, key and body of its operation", async () => {
    const { client, requests } = clientAnswering(
      () => Response.json({ agent_id: "agent_1" }),
      "nxf_1:nxfs_2",
    );
    const agent = await client.createAgent(
      { body: { name: "Receptionist" } },
      { headers: { "idempotency-key": "1" } },
    );
    expect(agent.agent_id).toBe("agent_1");
    const [request] = requests;
    expect([request?.method, request?.url]).toEqual(["POST", `${BASE}/v1/agents`]);
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      authorization: "Bearer nxf_1:nxfs_2",
      "content-type": "application/json",
      "idempotency-key": "1",
    });
    expect(await request?.json()).toEqual({ name: "Receptionist" });
  });

  it("has neither key nor body where there is none", async () => {
    const { client, requests } = clientAnswering(() => Response.json({ status: "ok" }));
    expect(await client.getHealth()).toEqual({ status: "ok" });
    expect([...(requests[0]?.headers ?? [])]).toEqual([]);
    expect(requests[0]?.body).toBeNull();
  });

  it("escapes what goes into path and query, and leaves out what is undefined", async () => {
    const { client, requests } = clientAnswering(() => Response.json({}));
    const { updateThing } = client as unknown as Record<string, (input: unknown) => Promise<unknown>>;
    await updateThing?.({
      path: { number: "+447446466847", part: "a/b" },
      query: { limit: 5, after: "a&b", before: undefined },
    });
    expect(requests[0]?.url).toBe(`${BASE}/v1/things/%2B447446466847/a%2Fb?limit=5&after=a%26b`);
  });

  it("can be given up", async () => {
    const { client, requests } = clientAnswering(() => Response.json({ status: "ok" }));
    await client.getHealth({}, { signal: AbortSignal.abort() });
    expect(requests[0]?.signal.aborted).toBe(true);
  });
});

describe("a failure", () => {
  const thrownBy = (response: () => Response) =>
    clientAnswering(response)
      .client.getHealth()
      .then(
        () => undefined,
        (error: unknown) => error as NixflexError,
      );

  it("is thrown with all that the API says of it", async () => {
    const body = {
      error: {
        type: "provider_error",
        code: "twilio_rate_limited",
        message: "Twilio is limiting the requests.",
        doc_url: `${BASE}/docs/errors/twilio_rate_limited`,
        details: { retry_after: 7 },
      },
    };
    const headers = { "x-request-id": "req_0123456789abcdef", "retry-after": "7" };
    const error = await thrownBy(() => Response.json(body, { status: 503, headers }));
    expect(error).toBeInstanceOf(NixflexError);
    expect(error).toMatchObject({
      name: "NixflexError",
      code: "twilio_rate_limited",
      status: 503,
      message: body.error.message,
      docUrl: body.error.doc_url,
      details: { retry_after: 7 },
      requestId: "req_0123456789abcdef",
      retryAfterSeconds: 7,
    });
  });

  it.each([
    ["a proxy's page", () => new Response("<h1>502</h1>", { status: 502 })],
    ["an empty answer", () => new Response(null, { status: 204 })],
    ["JSON of another kind", () => Response.json(["no"], { status: 500 })],
    ["null", () => Response.json(null, { status: 500 })],
  ])("is unreadable_answer for %s", async (_, response) => {
    const error = await thrownBy(response);
    expect(error).toMatchObject({ name: "NixflexError", code: "unreadable_answer", details: {} });
    expect(error?.retryAfterSeconds).toBeUndefined();
  });
});

describe("a request that is sent again", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const refused = (seconds: string) => () =>
    Response.json(
      { error: { code: "storage_unavailable" } },
      { status: 503, headers: { "retry-after": seconds } },
    );
  const unreached = () => {
    throw new TypeError("fetch failed");
  };
  const proxy = () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  const page = () => new Response("<h1>Not found</h1>", { status: 404 });
  const internal = () => Response.json({ error: { code: "internal_error" } }, { status: 500 });
  const done = () => Response.json({ done: true });

  /** What becomes of it, how long it waited, and how often it was sent. */
  async function fateOf(answers: (() => Response)[], act: (client: Client) => Promise<unknown>) {
    const waits: number[] = [];
    let last = Date.now();
    const { client, requests } = clientAnswering(
      () => {
        waits.push((Date.now() - last) / 1_000);
        last = Date.now();
        return (answers.shift() ?? done)();
      },
      undefined,
      2,
    );
    const fate = act(client).then(
      () => "done",
      (error: Error & { code?: string }) => error.code ?? error.message,
    );
    await vi.runAllTimersAsync();
    const keys = new Set(requests.map(({ headers }) => headers.get("idempotency-key")));
    return { fate: await fate, waits: waits.slice(1), keys };
  }

  type Act = (client: Client) => Promise<unknown>;
  const get: Act = (client) => client.getHealth();
  const create: Act = (client) => client.createAgent({ body: { name: "A" } });
  const rotate: Act = (client) => client.rotateKey();

  it.each<[string, (() => Response)[], Act, string, number[]]>([
    ["as the API asks", [refused("7"), refused("3")], get, "done", [7, 3]],
    ["twice at most", [refused("1"), refused("1"), refused("1")], get, "storage_unavailable", [1, 1]],
    ["not after more than a minute", [refused("61")], get, "storage_unavailable", []],
    ["if no answer came", [unreached, unreached], get, "done", [0.5, 1]],
    ["if a proxy answered", [proxy], get, "done", [0.5]],
    ["not if another page is there", [page], get, "unreadable_answer", []],
    ["not if waiting does not help", [internal], get, "internal_error", []],
    ["with a key", [unreached, refused("2")], create, "done", [0.5, 2]],
    ["not without one, if none counts", [refused("1")], rotate, "storage_unavailable", []],
    ["not without one, if no answer came", [unreached], rotate, "fetch failed", []],
  ])("%s", async (_, answers, act, fate, waits) => {
    expect(await fateOf(answers, act)).toMatchObject({ fate, waits });
  });

  it("has one key, of the client's own or the caller's", async () => {
    const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect([...(await fateOf([unreached], create)).keys]).toEqual([uuid]);
    const given = await fateOf([unreached], (client) =>
      client.createAgent({ body: { name: "A" } }, { headers: { "Idempotency-Key": "mine" } }),
    );
    expect([...given.keys]).toEqual(["mine"]);
    expect([...(await fateOf([], get)).keys]).toEqual([null]);
    expect([...(await fateOf([], rotate)).keys]).toEqual([null]);
  });

  it("can be given up while it waits", async () => {
    const controller = new AbortController();
    const { fate } = await fateOf([refused("50")], (client) => {
      setTimeout(() => controller.abort(new Error("given up")), 5_000);
      return client.getHealth({}, { signal: controller.signal });
    });
    expect(fate).toBe("given up");
  });
});

describe("a list", () => {
  async function read(pages: object[]) {
    const { client, requests } = clientAnswering(() => Response.json(pages.shift()));
    const entries: unknown[] = [];
    for await (const entry of paginate(client.listCalls, { query: { direction: "inbound" } }))
      entries.push(entry);
    const queries = requests.map(({ url }) => {
      const { searchParams } = new URL(url);
      expect(searchParams.get("direction")).toBe("inbound");
      searchParams.delete("direction");
      return String(searchParams);
    });
    return { entries, queries };
  }
  const page = (calls: number[], offset: number, count: number) => ({ calls, limit: 2, offset, count });

  it.each<[string, object[], number[], string[]]>([
    ["of nothing", [page([], 0, 0)], [], ["limit=100"]],
    ["of one page", [page([1, 2], 0, 2)], [1, 2], ["limit=100"]],
    ["of two pages", [page([1, 2], 0, 3), page([3], 2, 3)], [1, 2, 3], ["limit=100", "limit=100&offset=2"]],
    ["that shrinks", [page([1, 2], 0, 3), page([], 2, 2)], [1, 2], ["limit=100", "limit=100&offset=2"]],
    [
      "of more than are counted",
      [{ ...page([1, 2], 0, 2), count_is_minimum: true }, page([3], 2, 3)],
      [1, 2, 3],
      ["limit=100", "limit=100&offset=2"],
    ],
    [
      "that goes on behind a place",
      [
        { calls: [1], limit: 2, next: "x" },
        { calls: [], limit: 2, next: "y" },
        { calls: [2], limit: 2, next: null },
      ],
      [1, 2],
      ["limit=100", "limit=100&after=x", "limit=100&after=y"],
    ],
  ])("%s is read to its end", async (_, pages, entries, queries) => {
    expect(await read(pages)).toEqual({ entries, queries });
  });
});

describe("an event", () => {
  const SECRET = `nxws_${"0f".repeat(32)}`;
  const OTHER = `nxws_${"1e".repeat(32)}`;
  const BODY = '{"event":"call.started","event_id":"evt_1"}';
  const NOW = new Date("2026-02-02T09:00:00.000Z");

  beforeEach(() => {
    vi.useFakeTimers({ now: NOW });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each<
    [string, string | undefined, { secrets?: string[]; body?: string; ageSeconds?: number; secret?: string }]
  >([
    ["is genuine", undefined, {}],
    ["is genuine with the other form of the secret", undefined, { secret: standardSecret(SECRET) }],
    ["is genuine while a new secret is introduced", undefined, { secrets: [OTHER, SECRET] }],
    ["is genuine for five minutes", undefined, { ageSeconds: 300 }],
    ["is refused with another body", "No signature fits", { body: `${BODY} ` }],
    ["is refused with another secret", "No signature fits", { secrets: [OTHER] }],
    ["is refused if it is old", "last five minutes", { ageSeconds: 301 }],
    ["is refused if it comes from the future", "last five minutes", { ageSeconds: -301 }],
    ["needs a secret", "must begin with nxws_ or whsec_", { secret: "nxf_1:nxfs_2" }],
  ])("%s", async (_, problem, { secrets = [SECRET], body = BODY, ageSeconds = 0, secret = SECRET }) => {
    const signed = await signedHeaders(secrets, "evt_1", BODY, new Date(+NOW - ageSeconds * 1_000));
    for (const headers of [signed, new Headers(signed)]) {
      const verified = verifyEvent(body, headers, secret);
      if (problem === undefined) expect(await verified).toEqual(JSON.parse(BODY));
      else await expect(verified).rejects.toThrow(problem);
    }
  });

  it("is refused without a signature", async () => {
    const { "webhook-signature": _, ...unsigned } = await signedHeaders([SECRET], "evt_1", BODY, NOW);
    await expect(verifyEvent(BODY, unsigned, SECRET)).rejects.toBeInstanceOf(EventRefused);
    await expect(verifyEvent(BODY, {}, SECRET)).rejects.toBeInstanceOf(EventRefused);
  });
});

it("is typed by the document", () => {
  const { client } = clientAnswering(() => Response.json({}));
  const misuse = () => [
    // @ts-expect-error: name is required
    client.createAgent({ body: {} }),
    // @ts-expect-error: so is the body
    client.createAgent(),
    // @ts-expect-error: there is no such operation
    client.releaseEverything(),
    // @ts-expect-error: it is no list
    paginate(client.getCall, { path: { call_id: "CA1" } }),
    // @ts-expect-error: the number is required
    paginate(client.listPhoneNumberEvents),
    async () => {
      for await (const { call_id } of paginate(client.listCalls)) call_id satisfies string;
    },
  ];
  expect(misuse).toBeTypeOf("function");
});
