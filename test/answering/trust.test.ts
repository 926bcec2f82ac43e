import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { sign } from "../../src/twilio/signature.ts";
import { prepareImport } from "../support/import.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { haveNumber, twilio } from "../support/twilio.ts";
import { BASE, createAgent, createKey, expectError, post, rows, send } from "../support/worker.ts";

async function prepare(agent: Record<string, unknown> = {}) {
  const key = await createKey();
  const { account, number, body } = await prepareImport({}, key);
  const agent_id = await createAgent(key, agent);
  expect((await post("/v1/phone-numbers", { ...body, agent_id }, { key })).status).toBe(201);
  const [row] = await rows<{ id: string }>("phone_numbers");
  return { account, number, key, body, id: row?.id ?? "" };
}

const PARAMETERS = "AccountSid=AC1&CallSid=CA1&From=%2B15005550006&FromCity=&CallStatus=ringing";

type CallOptions = { signature?: string; url?: string; env?: Partial<Env> };

async function call(id: string, event: string, token: string, options: CallOptions = {}) {
  const url = `${BASE}/webhooks/twilio/${id}/${event}`;
  const signature = options.signature ?? (await sign(token, url, new URLSearchParams(PARAMETERS)));
  return send(
    new Request(options.url ?? url, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature },
      body: PARAMETERS,
    }),
    options.env,
  );
}

describe("a call", () => {
  it("hears the agent's welcome message in the agent's language", async () => {
    const { number } = await prepare({ welcome_message: "Bonjour & bienvenue", language: "fr" });
    const { answeredBy, twiml, exchanges } = await twilio.ring(number.phone_number);
    expect(answeredBy).toBe("webhook");
    expect(twiml).toContain('<Say language="fr-FR">Bonjour &amp; bienvenue</Say><Hangup/>');
    expect(exchanges.map(({ status }) => status)).toEqual([200, 204]);
  });

  it("hears something polite where the agent has no welcome message", async () => {
    const { number } = await prepare();
    expect((await twilio.ring(number.phone_number)).twiml).toContain("Thank you for calling.");
  });

  it.each<[string, string]>([
    ["an inactive agent", "UPDATE agents SET is_active = 0"],
    ["no agent any more", "UPDATE phone_numbers SET agent_id = NULL"],
    ["inbound calls switched off", "UPDATE phone_numbers SET inbound_enabled = 0"],
  ])("hears that nobody answers: %s", async (_, sql) => {
    const { number } = await prepare({ welcome_message: "Welcome" });
    await env.DB.prepare(sql).run();
    const { twiml } = await twilio.ring(number.phone_number);
    expect(twiml).toContain("not taking calls");
    expect(twiml).not.toContain("Welcome");
  });

  it("is answered at the fallback too", async () => {
    const { id, account } = await prepare({ welcome_message: "Welcome" });
    expect(await (await call(id, "voice-fallback", account.authToken)).text()).toContain("Welcome");
  });
});

describe("a text, a status, a recording", () => {
  it("is taken in without a word", async () => {
    const { id, account, number } = await prepare();
    expect((await twilio.text(number.phone_number)).twiml).toMatch(/<Response\/>$/);
    expect(await (await call(id, "sms-fallback", account.authToken)).text()).toMatch(/<Response\/>$/);
    for (const event of ["status", "recording"]) {
      const response = await call(id, event, account.authToken);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
  });
});

describe("when something of ours is broken", () => {
  const broken = {
    DB: { prepare: () => ({ bind: () => ({ first: () => Promise.reject(new Error("D1_ERROR: down")) }) }) },
  } as unknown as Partial<Env>;

  it("the voice URL fails, so that Twilio asks the fallback, and the fallback needs neither D1 nor a token", async () => {
    const { id, account } = await prepare();
    await expectError(
      await call(id, "voice", account.authToken, { env: broken }),
      503,
      "storage_unavailable",
    );
    const response = await call(id, "voice-fallback", account.authToken, { env: broken });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining("not taking calls"),
    ]);
  });

  it("a forged request gets nothing out of the fallback", async () => {
    const { id } = await prepare();
    await expectError(await call(id, "voice-fallback", "wrong token"), 403, "invalid_signature");
  });
});

describe("trust", () => {
  it("refuses a request without a signature, or with a wrong one, and logs names but no values", async () => {
    const { id, account } = await prepare();
    const unsigned = new Request(`${BASE}/webhooks/twilio/${id}/voice`, { method: "POST", body: PARAMETERS });
    await expectError(await send(unsigned), 403, "invalid_signature");
    await expectError(await call(id, "voice", "wrong token"), 403, "invalid_signature");
    await expectError(
      await call(id, "voice", account.authToken, { signature: "x" }),
      403,
      "invalid_signature",
    );
    const lines = logLines().filter(({ event }) => event === "signature_refused");
    expect(lines[0]).toMatchObject({ parameters: "AccountSid CallSid From FromCity CallStatus" });
    expect(JSON.stringify(lines)).not.toContain("5005550006");
  });

  it("refuses a signature for another path of the same number", async () => {
    const { id, account } = await prepare();
    const signature = await sign(
      account.authToken,
      `${BASE}/webhooks/twilio/${id}/sms`,
      new URLSearchParams(PARAMETERS),
    );
    await expectError(await call(id, "voice", account.authToken, { signature }), 403, "invalid_signature");
  });

  it("refuses another tenant's valid signature", async () => {
    const { id } = await prepare();
    const stranger = haveNumber({ phone_number: "+15005550001" });
    await expectError(await call(id, "voice", stranger.account.authToken), 403, "invalid_signature");
  });

  it("checks against PUBLIC_BASE_URL, whatever host the request came in by", async () => {
    const { id, account } = await prepare();
    const url = `https://internal.example:8443/webhooks/twilio/${id}/voice`;
    expect((await call(id, "voice", account.authToken, { url })).status).toBe(200);
    const signature = await sign(account.authToken, url, new URLSearchParams(PARAMETERS));
    await expectError(
      await call(id, "voice", account.authToken, { signature, url }),
      403,
      "invalid_signature",
    );
  });

  it("knows no number but those that were imported; a stray call hears something polite all the same", async () => {
    const { account } = await prepare();
    for (const id of [`num_${"0".repeat(32)}`, "num_1", "'", "%00"]) {
      for (const event of ["voice", "voice-fallback"]) {
        const response = await call(id, event, account.authToken);
        expect([response.status, await response.text()]).toEqual([
          200,
          expect.stringContaining("not taking calls"),
        ]);
      }
      for (const event of ["sms", "sms-fallback", "status", "recording"]) {
        await expectError(await call(id, event, account.authToken), 404, "not_found");
      }
    }
  });

  it("forgets the token before the present one after a day", async () => {
    const { id, account, key, body } = await prepare();
    const before = account.authToken;
    account.authToken = "a".repeat(32);
    await expectError(
      await post("/v1/phone-numbers", { ...body, twilio_token: account.authToken }, { key }),
      409,
      "number_already_imported",
    );
    expect((await call(id, "voice", before)).status).toBe(200);
    const yesterday = new Date(Date.now() - 24 * 60 * 60 * 1000).toISOString();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_changed_at = ?1").bind(yesterday).run();
    await expectError(await call(id, "voice", before), 403, "invalid_signature");
    expect((await call(id, "voice", account.authToken)).status).toBe(200);
  });

  it("says service_misconfigured where the token cannot be opened", async () => {
    expectErrorLog("request_failed");
    expectErrorLog("stored_token_unreadable");
    const { id, account } = await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    await expectError(await call(id, "voice", account.authToken), 503, "service_misconfigured");
  });

  it("goes on with the new token where the one before cannot be opened any more", async () => {
    const { id, account, key, body } = await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    expectErrorLog("stored_token_unreadable");
    await expectError(await post("/v1/phone-numbers", body, { key }), 409, "number_already_imported");
    expect((await call(id, "voice", account.authToken)).status).toBe(200);
  });

  it("takes a hundred thousand parameters no further than the limit", async () => {
    const { id } = await prepare();
    const request = new Request(`${BASE}/webhooks/twilio/${id}/voice`, {
      method: "POST",
      headers: { "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
      body: "a=1&".repeat(100_000),
    });
    await expectError(await send(request), 413, "payload_too_large");
  });
});
