import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { signedHeaders, standardSecret } from "../../src/events/signature.ts";

// The library that customers use says whether our signatures are what it expects.

const SECRET = `nxws_${"c0ffee00".repeat(8)}`;
const OTHER = `nxws_${"0ddba11f".repeat(8)}`;
const ID = "evt_0f5c1b7a9d3e4c2f8a6b5d4e3c2b1a09";
const BODY = '{"event":"call.completed","call_id":"CA123","text":"Grüße 👋"}';

describe("the library for Standard Webhooks", () => {
  it("takes the secret as the API gives it, and verifies an event", async () => {
    const headers = await signedHeaders([SECRET], ID, BODY, new Date());
    expect(new Webhook(standardSecret(SECRET)).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  });

  it("verifies by either secret while one is being replaced", async () => {
    const headers = await signedHeaders([OTHER, SECRET], ID, BODY, new Date());
    for (const secret of [OTHER, SECRET]) {
      expect(new Webhook(standardSecret(secret)).verify(BODY, headers)).toEqual(JSON.parse(BODY));
    }
  });

  it("signs as we do", async () => {
    const now = new Date(1_755_300_000_000);
    const headers = await signedHeaders([SECRET], ID, BODY, now);
    expect(headers["webhook-signature"]).toBe(new Webhook(standardSecret(SECRET)).sign(ID, now, BODY));
  });

  it.each<[string, (headers: Record<string, string>) => Record<string, string>, string]>([
    ["another body", (headers) => headers, `${BODY} `],
    ["another id", (headers) => ({ ...headers, "webhook-id": "evt_x" }), BODY],
    ["another secret's signature", (headers) => ({ ...headers, "webhook-signature": "v1,AAAA" }), BODY],
  ])("refuses %s", async (_, change, body) => {
    const headers = change(await signedHeaders([SECRET], ID, BODY, new Date()));
    expect(() => new Webhook(standardSecret(SECRET)).verify(body, headers)).toThrow(WebhookVerificationError);
  });

  it("refuses what is older than five minutes", async () => {
    const headers = await signedHeaders([SECRET], ID, BODY, new Date(Date.now() - 301_000));
    expect(() => new Webhook(standardSecret(SECRET)).verify(BODY, headers)).toThrow(/too old/);
  });
});
