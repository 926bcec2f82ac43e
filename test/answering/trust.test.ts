import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { sign } from "../../src/twilio/signature.ts";
import { credentialSlot } from "../../src/twilio-accounts/credential.ts";
import { createVault } from "../../src/vault/vault.ts";
import { haveImported, type Imported, STRAY_ID, tell, webhookUrl } from "../support/answering.ts";
import { watchedDatabase } from "../support/database.ts";
import { expectErrorLog, logLines } from "../support/logs.ts";
import { outboxRows } from "../support/outbox.ts";
import { haveNumber } from "../support/twilio.ts";
import { BASE, expectError, post, rows, send } from "../support/worker.ts";

const CALL = { CallSid: "CA1", From: "+15005550006", FromCity: "", CallStatus: "ringing" };
const WELCOME = "Welcome to Acme";

const call = (imported: Imported, options: Parameters<typeof tell>[3] = {}) =>
  tell(imported, "voice", CALL, options);

async function expectNothingWritten(): Promise<void> {
  expect(await rows("pending_events")).toEqual([]);
  expect((await outboxRows<{ type: string }>()).filter(({ type }) => type !== "number.imported")).toEqual([]);
  const [row] = await rows<{ last_inbound_at: string | null }>("phone_numbers");
  expect(row?.last_inbound_at ?? null).toBeNull();
}

describe("a request that is not Twilio's", () => {
  it("is refused without a signature, or with a wrong one; names are logged, values are not", async () => {
    const imported = await haveImported();
    const unsigned = new Request(webhookUrl(imported.id, "voice"), {
      method: "POST",
      body: new URLSearchParams(CALL),
    });
    await expectError(await send(unsigned), 403, "invalid_signature");
    await expectError(await call(imported, { token: "wrong token" }), 403, "invalid_signature");
    await expectError(await call(imported, { signature: "x" }), 403, "invalid_signature");
    const lines = logLines().filter(({ event }) => event === "signature_refused");
    expect(lines[0]).toMatchObject({ parameters: "AccountSid CallSid From FromCity CallStatus" });
    expect(JSON.stringify(lines)).not.toContain("5005550006");
    await expectNothingWritten();
  });

  it.each(["voice", "voice-fallback", "connect-action", "sms", "sms-fallback", "status", "recording"])(
    "is refused at /%s",
    async (path) => {
      const imported = await haveImported();
      await expectError(await tell(imported, path, CALL, { token: "wrong token" }), 403, "invalid_signature");
      await expectNothingWritten();
    },
  );

  it("is refused with a signature for another path of the same number", async () => {
    const imported = await haveImported();
    const form = new URLSearchParams({ AccountSid: imported.account.sid, ...CALL });
    const signature = await sign(imported.account.authToken, webhookUrl(imported.id, "sms"), form);
    await expectError(await call(imported, { signature }), 403, "invalid_signature");
  });

  it("is refused with another tenant's valid signature", async () => {
    const imported = await haveImported();
    const stranger = haveNumber({ phone_number: "+15005550001" });
    await expectError(await call(imported, { token: stranger.account.authToken }), 403, "invalid_signature");
    await expectNothingWritten();
  });

  it("is refused where it names another account, though the token is right", async () => {
    const imported = await haveImported();
    for (const AccountSid of [`AC${"0".repeat(32)}`, ""]) {
      const response = await tell(imported, "voice", { ...CALL, AccountSid });
      await expectError(response, 403, "account_mismatch");
    }
    await expectNothingWritten();
  });

  it.each(["text/plain", "multipart/form-data; boundary=x", "application/xml", ""])(
    "is refused as %j",
    async (contentType) => {
      await expectError(await call(await haveImported(), { contentType }), 415, "unsupported_media_type");
    },
  );

  it("is refused with an oversized body or a hundred thousand parameters, announced or not", async () => {
    const { id } = await haveImported();
    const form = { "content-type": "application/x-www-form-urlencoded" };
    for (const body of ["a=1&".repeat(100_000), `a=${"x".repeat(65 * 1024)}`]) {
      const request = new Request(webhookUrl(id, "voice"), {
        method: "POST",
        headers: { ...form, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=" },
        body,
      });
      await expectError(await send(request), 413, "payload_too_large");
    }
    await expectNothingWritten();
  });

  it("is refused where its bytes are no UTF-8", async () => {
    const { id } = await haveImported();
    const request = new Request(webhookUrl(id, "voice"), {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
      },
      body: new Uint8Array([0xff, 0xfe, 0x3d, 0x80]),
    });
    await expectError(await send(request), 403, "invalid_signature");
  });
});

describe("an id that this service has not made", () => {
  it("is refused before the body is read, and without a query", async () => {
    const { id, account } = await haveImported();
    const { DB, trips } = watchedDatabase();
    const digit = id.endsWith("0") ? "1" : "0";
    for (const madeUp of [`num_${"0".repeat(48)}`, id.slice(0, -1) + digit, id.slice(0, -16), `${id}0`]) {
      await expectError(await tell({ id: madeUp, account }, "sms", CALL, { env: { DB } }), 404, "not_found");
      let isRead = false;
      const body = new ReadableStream(
        {
          pull: (controller) => {
            isRead = true;
            controller.close();
          },
        },
        { highWaterMark: 0 },
      );
      const headers = { "x-twilio-signature": "x", "content-type": "application/x-www-form-urlencoded" };
      await send(new Request(webhookUrl(madeUp, "sms"), { method: "POST", headers, body }), { DB });
      expect(isRead).toBe(false);
    }
    expect(trips()).toBe(0);
    await expectError(await tell({ id: STRAY_ID, account }, "sms", CALL, { env: { DB } }), 404, "not_found");
    expect(trips()).toBeGreaterThan(0);
  });

  it("an id of ours behind another account's is not found", async () => {
    const { id, account } = await haveImported();
    const url = webhookUrl(id, "sms", `twa_${"1".repeat(32)}`);
    const signature = await sign(
      account.authToken,
      url,
      new URLSearchParams({ AccountSid: account.sid, ...CALL }),
    );
    await expectError(await tell({ id, account }, "sms", CALL, { url, signature }), 404, "not_found");
  });
});

describe("a request of Twilio's", () => {
  it("is checked against PUBLIC_BASE_URL, whatever host it came in by", async () => {
    const imported = await haveImported();
    const url = webhookUrl(imported.id, "voice").replace(BASE, "https://internal.example:8443");
    expect((await call(imported, { url })).status).toBe(200);
    const form = new URLSearchParams({ AccountSid: imported.account.sid, ...CALL });
    const signature = await sign(imported.account.authToken, url, form);
    await expectError(await call(imported, { signature, url }), 403, "invalid_signature");
  });

  it("may be a GET, where somebody changed the method at Twilio", async () => {
    const imported = await haveImported({ welcome_message: WELCOME });
    expect(await (await call(imported, { method: "GET" })).text()).toContain(WELCOME);
    await expectError(await call(imported, { method: "GET", token: "wrong" }), 403, "invalid_signature");
  });

  it("may be JSON, covered by the hash in its URL", async () => {
    const { id, account } = await haveImported({ welcome_message: WELCOME });
    const body = JSON.stringify({ AccountSid: account.sid, ...CALL, Nested: { a: 1 } });
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const url = `${webhookUrl(id, "voice")}?bodySHA256=${hash}`;
    const signature = await sign(account.authToken, url, new URLSearchParams());
    const request = (text: string) =>
      new Request(url, {
        method: "POST",
        headers: { "content-type": "application/json", "x-twilio-signature": signature },
        body: text,
      });
    expect(await (await send(request(body))).text()).toContain(WELCOME);
    await expectError(await send(request(`${body} `)), 403, "invalid_signature");
  });

  it("about a number that is not here: a stray call hears something polite, the rest is not found", async () => {
    const { account } = await haveImported();
    for (const id of [STRAY_ID, `num_${"0".repeat(48)}`, "num_1", "'", "%00"]) {
      for (const path of ["voice", "voice-fallback"]) {
        const response = await tell({ id, account }, path, CALL);
        const expected = [200, expect.stringContaining("not taking calls")];
        expect([response.status, await response.text()]).toEqual(expected);
      }
      for (const path of ["sms", "sms-fallback", "status", "recording"]) {
        await expectError(await tell({ id, account }, path, CALL), 404, "not_found");
      }
    }
  });
});

describe("a token that was replaced", () => {
  it("is tried for a day beside the new one, which counts at once", async () => {
    const imported = await haveImported();
    const { account, body, key } = imported;
    const before = account.authToken;
    expect((await call(imported)).status).toBe(200);
    account.authToken = "a".repeat(32);
    const again = { ...body, twilio_token: account.authToken };
    await expectError(await post("/v1/phone-numbers", again, { key }), 409, "number_already_imported");
    expect((await call(imported, { token: before })).status).toBe(200);
    expect((await call(imported)).status).toBe(200);
  });

  it("is forgotten after a day", async () => {
    const imported = await haveImported();
    const { account, body, key } = imported;
    const before = account.authToken;
    account.authToken = "a".repeat(32);
    const again = { ...body, twilio_token: account.authToken };
    await expectError(await post("/v1/phone-numbers", again, { key }), 409, "number_already_imported");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 24 * 60 * 60 * 1000 });
    try {
      await expectError(await call(imported, { token: before }), 403, "invalid_signature");
      expect((await call(imported)).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is not forgotten because the new one was replaced as well", async () => {
    const imported = await haveImported();
    const { account, body, key } = imported;
    const primary = account.authToken;
    for (const token of ["a", "b"]) {
      account.secondaryAuthToken = token.repeat(32);
      const again = { ...body, twilio_token: account.secondaryAuthToken };
      await expectError(await post("/v1/phone-numbers", again, { key }), 409, "number_already_imported");
    }
    expect((await call(imported, { token: primary })).status).toBe(200);
  });

  it("counts even where this isolate still has the old one in its cache", async () => {
    const imported = await haveImported();
    expect((await call(imported)).status).toBe(200);
    // Another isolate replaces the account's token.
    const other = await haveImportedElsewhere(imported);
    expect((await call(imported, { token: other })).status).toBe(200);
  });

  /** Gives the number's account a sealed token behind this isolate's back. */
  async function haveImportedElsewhere(_: Imported): Promise<string> {
    const token = "b".repeat(32);
    const [account] = await rows<{ id: string }>("twilio_accounts");
    const slot = credentialSlot({ id: account?.id ?? "" });
    const sealed = await createVault(env.TOKEN_ENCRYPTION_KEYS).seal(token, slot);
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = ?1").bind(sealed).run();
    return token;
  }

  it("and cannot be opened: service_misconfigured, so that Twilio asks the fallback", async () => {
    expectErrorLog("request_failed");
    expectErrorLog("stored_token_unreadable");
    const imported = await haveImported();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    await expectError(await call(imported), 503, "service_misconfigured");
  });

  it("goes on with the new one where the one before cannot be opened any more", async () => {
    const imported = await haveImported();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    expectErrorLog("stored_token_unreadable");
    const { body, key } = imported;
    await expectError(await post("/v1/phone-numbers", body, { key }), 409, "number_already_imported");
    expect((await call(imported)).status).toBe(200);
  });
});
