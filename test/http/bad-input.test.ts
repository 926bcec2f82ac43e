import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { operations } from "../support/twilio.ts";
import { authorization, BASE, createKey, expectError, type Key, rows, send } from "../support/worker.ts";

let key: Key;

beforeEach(async () => {
  key = await createKey();
});

function request(
  body: BodyInit | null,
  headers: Record<string, string> = { "content-type": "application/json" },
) {
  return send(
    new Request(`${BASE}/v1/phone-numbers`, {
      method: "POST",
      headers: { ...authorization(key), ...headers },
      body,
    }),
  );
}

async function expectNothingDone(): Promise<void> {
  expect(operations()).toEqual([]);
  expect(await rows("phone_numbers")).toEqual([]);
}

describe("a body that is no JSON object", () => {
  it.each([
    "",
    " ",
    "{",
    "[]",
    "[{}]",
    "null",
    "true",
    "12",
    '"text"',
    "{'a':1}",
    "phone_number=%2B447446466847",
    '{"phone_number":"+447446466847"',
    "\u0000",
    "\ufeff",
    "[".repeat(60_000),
    '{"a":'.repeat(10_000),
  ])("is invalid_json: %.30j", async (body) => {
    const error = await expectError(await request(body), 400, "invalid_json");
    expect(error.type).toBe("invalid_request");
    await expectNothingDone();
  });

  it("is invalid_json, and no alarm, where its sender hangs up in the middle", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    void writer.write(new TextEncoder().encode('{"name":"')).catch(() => undefined);
    const response = request(readable);
    await writer.abort(new Error("hung up"));
    await expectError(await response, 400, "invalid_json");
    await expectNothingDone();
  });

  it("is invalid_json for a text that is not UTF-8 within", async () => {
    const bytes = [...new TextEncoder().encode('{"name":"')].concat(0xff, ...new TextEncoder().encode('"}'));
    await expectError(await request(new Uint8Array(bytes)), 400, "invalid_json");
  });

  it("is invalid_json for bytes that are not UTF-8", async () => {
    await expectError(await request(new Uint8Array([0xff, 0xfe, 0x7b, 0x7d])), 400, "invalid_json");
  });
});

describe("deep nesting", () => {
  it("in an unknown field is ignored, in a known one refused", async () => {
    const deep = "[".repeat(20_000) + "]".repeat(20_000);
    await expectError(await request(`{"colour":${deep}}`), 400, "missing_field");
    const known = `{"phone_number":${deep},"twilio_sid":"a","twilio_token":"b","agent_id":"c"}`;
    await expectError(await request(known), 400, "invalid_field");
  });
});

describe("keys that mean something to JavaScript", () => {
  it("mean nothing here", async () => {
    const body = '{"__proto__":{"phone_number":"+447446466847"},"constructor":1,"toString":null}';
    const error = await expectError(await request(body), 400, "missing_field");
    expect(error.details).toMatchObject({
      fields: ["phone_number", "twilio_sid", "twilio_token", "agent_id"],
    });
  });
});

describe("content type", () => {
  it.each<[string, Record<string, string>]>([
    ["none", {}],
    ["text", { "content-type": "text/plain" }],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["another JSON", { "content-type": "application/vnd.api+json" }],
    ["nonsense", { "content-type": ";;;" }],
    ["two", { "content-type": "application/json, text/plain" }],
    ["compressed", { "content-type": "application/json", "content-encoding": "gzip" }],
  ])("%s: unsupported_media_type", async (_, headers) => {
    await expectError(await request(new TextEncoder().encode("{}"), headers), 415, "unsupported_media_type");
    await expectNothingDone();
  });

  it.each(["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=UTF-8"])(
    "%s is fine",
    async (type) => {
      await expectError(await request("{}", { "content-type": type }), 400, "missing_field");
    },
  );
});

describe("size", () => {
  const padded = (bytes: number) => `{"a":"${"x".repeat(bytes - 8)}"}`;

  it("takes 64 KiB and not a byte more", async () => {
    await expectError(await request(padded(65_536)), 400, "missing_field");
    await expectError(await request(padded(65_537)), 413, "payload_too_large");
  });

  it("believes no announcement", async () => {
    const announced = (body: string, length: unknown) =>
      request(body, { "content-type": "application/json", "content-length": String(length) });
    await expectError(await announced(padded(65_536), 65_536), 400, "missing_field");
    await expectError(await announced(padded(65_537), 65_537), 413, "payload_too_large");
    await expectError(await announced(padded(65_537), 10), 413, "payload_too_large");
    await expectError(await announced("{}", 65_537), 413, "payload_too_large");
    await expectError(await announced("{}", "many"), 400, "missing_field");
  });

  it("is looked at after the API key and the content type", async () => {
    const large = { method: "POST", body: padded(70_000) };
    await expectError(await send(new Request(`${BASE}/v1/phone-numbers`, large)), 401, "invalid_api_key");
    await expectError(
      await request(padded(70_000), { "content-type": "text/plain" }),
      415,
      "unsupported_media_type",
    );
  });

  it("refuses 1 MB, announced or not", async () => {
    const body = new TextEncoder().encode(padded(1_000_000));
    await expectError(await request(body), 413, "payload_too_large");
    let sent = 0;
    const unannounced = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent >= body.length) controller.close();
        else controller.enqueue(body.slice(sent, sent + 10_000));
        sent += 10_000;
      },
    });
    await expectError(await request(unannounced), 413, "payload_too_large");
    expect(sent).toBeGreaterThan(body.length);
    await expectNothingDone();
  });
});

describe("paths and methods", () => {
  it.each([
    "/v1",
    "/v1/",
    "/v1/phone-number",
    "/v1/phone-numbers/",
    "/v2/phone-numbers",
    "/webhooks/twilio",
    "/webhooks/twilio/twa_0/num_0",
    "/webhooks/twilio/twa_0/num_0/constructor",
    "/webhooks/twilio/twa_0/num_0/machine",
    "/webhooks/twilio/twa_0/num_0/voice/CA1",
    "/webhooks/twilio/twa_0/num_0/voice/",
    "/webhooks/twilio/twa_0/num_0/calls/call_0/sms",
    "/%00",
    "/../etc",
  ])("%s is not_found", async (path) => {
    for (const method of ["GET", "POST", "DELETE"]) {
      const error = await expectError(
        await send(new Request(`${BASE}${path}`, { method })),
        404,
        "not_found",
      );
      expect(error.type).toBe("not_found");
    }
  });

  it.each([
    ["/v1/phone-numbers", "GET, POST", ["PUT", "DELETE", "PATCH", "OPTIONS"]],
    ["/v1/phone-numbers/+447446466847", "GET, PATCH, DELETE", ["POST", "PUT"]],
    ["/v1/agents", "GET, POST", ["DELETE"]],
    ["/v1/agents/agent_1", "GET, PUT, PATCH, DELETE", ["POST"]],
    ["/v1/keys", "GET, POST", ["PUT"]],
    ["/v1/webhooks/secret", "POST", ["GET"]],
    ["/healthz", "GET", ["POST"]],
    ["/webhooks/twilio/twa_0/num_0/voice", "GET, POST", ["PUT", "DELETE"]],
    ["/webhooks/twilio/twa_0/num_0/calls/call_0/machine", "GET, POST", ["PATCH"]],
    ["/webhooks/twilio/twa_0/num_0/relay/CA1", "GET", ["POST"]],
    ["/", "GET", ["POST", "DELETE"]],
    ["/docs", "GET", ["POST"]],
  ])("%s takes %s only", async (path, allow, methods) => {
    for (const method of methods) {
      const response = await send(new Request(`${BASE}${path}`, { method }));
      expect(response.headers.get("allow")).toBe(allow);
      const error = await expectError(response, 405, "method_not_allowed");
      expect(error.type).toBe("invalid_request");
    }
  });
});

describe("anything at all", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 });
  const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 3 }));
  const names = [
    "phone_number",
    "phoneNumber",
    "twilio_sid",
    "twilioSid",
    "twilio_token",
    "twilioToken",
    "agent_id",
  ];

  it("is answered with a 4xx envelope, repeats no value and reaches nobody", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.oneof(fc.constantFrom(...names), text), value), async (body) => {
        const response = await request(JSON.stringify(body));
        const answer = await response.text();
        expect(response.status).toBe(400);
        expect(JSON.parse(answer)).toHaveProperty("error.code");
        for (const token of [body.twilio_token, body.twilioToken]) {
          if (typeof token === "string" && token.length > 8) expect(answer).not.toContain(token);
        }
        await expectNothingDone();
      }),
      { numRuns: 100 },
    );
  });

  it("in raw bytes and headers too", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const response = await request(new Uint8Array(bytes));
        expect(response.status).toBe(400);
      }),
      { numRuns: 50 },
    );
  });
});
