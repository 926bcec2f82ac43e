import { createClient, NixflexError } from "@nixflex/numbers";
import { describe, expect, it, vi } from "vitest";

// Operations of every shape, whatever the API has at present.
vi.mock("../../sdk/dist/generated/routes.js", () => ({
  routes: {
    getHealth: ["GET", "/healthz"],
    createAgent: ["POST", "/v1/agents"],
    updateThing: ["PATCH", "/v1/things/{number}/{part}"],
  },
}));

const BASE = "https://numbers.example.com";

function clientAnswering(response: () => Response, token?: string) {
  const requests: Request[] = [];
  const client = createClient({
    baseUrl: BASE,
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

it("is typed by the document", () => {
  const { client } = clientAnswering(() => Response.json({}));
  const misuse = () => [
    // @ts-expect-error: name is required
    client.createAgent({ body: {} }),
    // @ts-expect-error: so is the body
    client.createAgent(),
    // @ts-expect-error: there is no such operation
    client.releaseEverything(),
  ];
  expect(misuse).toBeTypeOf("function");
});
