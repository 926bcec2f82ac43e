import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLogger, errorFields, type LogFields } from "../../src/http/log.ts";

function logged(fields: LogFields, conceal: string[] = []): string {
  let written = "";
  const log = createLogger({ request_id: "req_1" }, (_, line) => {
    written = line;
  });
  for (const secret of conceal) log.conceal(secret);
  log.info("event", fields);
  return written;
}

const TOKEN = "0123456789abcdef0123456789abcdef";

describe("the redacting logger", () => {
  it("writes one JSON object per line", () => {
    expect(JSON.parse(logged({ status: 201, note: "a\nb" }))).toEqual({
      level: "info",
      event: "event",
      request_id: "req_1",
      status: 201,
      note: "a\nb",
    });
  });

  it.each([
    "twilio_token",
    "authToken",
    "key_secret",
    "Authorization",
    "password",
    "credentials",
    "cookie",
    "api_key",
  ])("hides a text under the name %s", (name) => {
    expect(logged({ [name]: "anything" })).not.toContain("anything");
  });

  it.each([
    ["an Auth Token", `refused ${TOKEN} today`, TOKEN],
    ["an Auth Token in quotes", `{"t":"${TOKEN}"}`, TOKEN],
    ["an API key's secret", `nxfs_${TOKEN}${TOKEN}`, TOKEN],
    ["a Basic header", `Basic QUMxOnNlY3JldA==`, "QUMxOnNlY3JldA"],
    ["a Bearer header", `Bearer nxf_1:abc`, "abc"],
    ["a password in a URL", "https://user:hunter2@example.com/", "hunter2"],
    ["a URL's query", "GET https://example.com/a?key=hunter2 failed", "hunter2"],
  ])("hides %s inside a text", (_, text, secret) => {
    const line = logged({ note: text });
    expect(line).toContain("[redacted]");
    expect(line).not.toContain(secret);
  });

  it.each([
    `AC${TOKEN}`,
    `PN${TOKEN}`,
    `nxf_${TOKEN}`,
    `num_${TOKEN}${TOKEN.slice(0, 16)}`,
    "+447446466847",
    "agent_125207e452f8714a",
  ])("lets %s stand: an operator needs it", (id) => {
    expect(logged({ note: `for ${id}.` })).toContain(id);
  });

  it("hides what it was told to, wherever it turns up", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (secret, before, after) => {
        const { note } = JSON.parse(logged({ note: before + secret + after }, [secret])) as { note: string };
        // What is left cannot be the secret unless its neighbours spell it once more.
        expect(note.split("[redacted]").join("")).not.toBe(before + secret + after);
      }),
    );
  });

  it.each(["", "a", "nxf_"])("is not blanked by concealing %j, which occurs everywhere", (secret) => {
    expect(JSON.parse(logged({ note: "abc nxf_" }, [secret]))).toMatchObject({ note: "abc nxf_" });
  });

  it("keeps the fields of our own making, whatever a request calls its secret", () => {
    const key_id = `nxf_${TOKEN}`;
    expect(JSON.parse(logged({ key_id, note: key_id }, [key_id]))).toMatchObject({
      key_id,
      note: "[redacted]",
    });
  });

  it("tells an error by name, message and cause, and no more", () => {
    const error = new TypeError("outer", { cause: new Error("inner") });
    expect(errorFields(error)).toEqual({
      error_name: "TypeError",
      error_message: "outer",
      cause: "Error: inner",
    });
    expect(errorFields("text")).toEqual({ error_name: "string" });
  });
});
