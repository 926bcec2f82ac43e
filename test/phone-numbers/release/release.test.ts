import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { haveImported, tell } from "../../support/answering.ts";
import { startCustomer } from "../../support/customer.ts";
import { watchedDatabase } from "../../support/database.ts";
import { prepareImport } from "../../support/import.ts";
import { expectErrorLog, expectLine, logLines } from "../../support/logs.ts";
import { operations, twilio } from "../../support/twilio.ts";
import { call, expectError, get, rows } from "../../support/worker.ts";
import { type Effect, effects } from "../../twilio-simulator/faults.ts";
import type { NumberResource } from "../../twilio-simulator/resource.ts";
import { addApplication } from "../../twilio-simulator/state.ts";

const NUMBER = "/v1/phone-numbers/%2B447446466847";
const OWNED = {
  voice_url: "https://old.example.com/voice?key=owners-secret",
  voice_method: "GET",
  voice_fallback_url: "https://old.example.com/voice-fallback",
  sms_url: "https://old.example.com/sms",
  sms_fallback_url: "https://old.example.com/sms-fallback",
  status_callback: "https://old.example.com/status",
} satisfies Partial<NumberResource>;

type Released = {
  phone_number: {
    phone_number: string;
    deleted: boolean;
    twilio: Record<string, string>;
    reason?: string;
    requests?: string[];
    not_restored?: string[];
  };
};

async function prepare(fields: Partial<NumberResource> = OWNED) {
  const prepared = await prepareImport(fields);
  const before = configuration(prepared.number);
  const importIt = () => call("POST", "/v1/phone-numbers", prepared.key, prepared.body);
  expect((await importIt()).status).toBe(201);
  const release = (overrides: Partial<Env> = {}) =>
    call("DELETE", NUMBER, prepared.key, undefined, { env: overrides });
  const released = async (response: Response | Promise<Response>) => {
    expect((await response).status).toBe(200);
    return (await (await response).json<Released>()).phone_number;
  };
  const now = () => configuration(twilio.state.numbers.get(prepared.number.sid) ?? prepared.number);
  return { ...prepared, before, importIt, release, released, now };
}

/** A number without the time of its last change, unset texts alike. */
function configuration({ date_updated: _, ...number }: NumberResource) {
  return Object.fromEntries(
    Object.entries(structuredClone(number)).map(([name, value]) => [name, value ?? ""]),
  );
}

const RESTORED = { voice: "restored", sms: "restored", status_callback: "restored" };

describe("DELETE /v1/phone-numbers/{number}", () => {
  it("gives back what the import overwrote, and forgets number and token", async () => {
    const { release, released, now, before, number } = await prepare();
    expect(await released(release())).toEqual({
      phone_number: number.phone_number,
      deleted: true,
      twilio_number_sid: number.sid,
      twilio: RESTORED,
    });
    expect(now()).toEqual(before);
    expect(await rows("phone_numbers")).toEqual([]);
    expect(await rows("twilio_accounts")).toEqual([]);
    await expectError(await release(), 404, "number_not_found");
  });

  it("never releases the number at Twilio", async () => {
    const { release } = await prepare();
    await release();
    expect(operations()).not.toContain("release");
    expect(twilio.state.numbers.size).toBe(1);
  });

  it("binds it to its trunk or application again", async () => {
    for (const binding of ["trunk", "application"] as const) {
      const { sid } = addApplication(twilio.state);
      const fields =
        binding === "trunk" ? { trunk_sid: `TK${"0".repeat(32)}` } : { voice_application_sid: sid };
      const { release, released, now, before } = await prepare({
        ...OWNED,
        ...fields,
        sms_application_sid: sid,
      });
      expect((await released(release())).twilio).toEqual(RESTORED);
      expect(now()).toEqual(before);
    }
  });

  it("clears what was empty, and says so", async () => {
    const { release, released, now, before } = await prepare({});
    const outcome = { voice: "cleared", sms: "cleared", status_callback: "cleared" };
    expect((await released(release())).twilio).toEqual(outcome);
    expect(now()).toEqual(before);
  });

  it("leaves alone what its owner has re-pointed since", async () => {
    const { release, released, now, number } = await prepare();
    const mine = { sms_url: "https://new.example.com/sms", sms_fallback_url: "", status_callback: "" };
    Object.assign(twilio.state.numbers.get(number.sid) ?? {}, mine);
    const answer = await released(release());
    expect(answer.twilio).toEqual({ voice: "restored", sms: "left_alone", status_callback: "left_alone" });
    expect(now()).toMatchObject({ ...mine, voice_url: OWNED.voice_url });
  });

  it("writes nothing to Twilio where nothing there is ours", async () => {
    const { release, released, number } = await prepare();
    const mine = {
      voice_url: "https://a.example",
      voice_fallback_url: "",
      sms_url: "",
      sms_fallback_url: "",
    };
    Object.assign(twilio.state.numbers.get(number.sid) ?? {}, { ...mine, status_callback: "" });
    const before = operations().length;
    const outcome = { voice: "left_alone", sms: "left_alone", status_callback: "left_alone" };
    expect((await released(release())).twilio).toEqual(outcome);
    expect(operations().slice(before)).toEqual(["fetch"]);
  });

  it("gives back the URLs where the trunk or application is gone, and says what is missing", async () => {
    const { sid } = addApplication(twilio.state);
    const { release, released, now } = await prepare({ ...OWNED, voice_application_sid: sid });
    twilio.state.applications.delete(sid);
    const answer = await released(release());
    expect(answer).toMatchObject({ twilio: RESTORED, not_restored: ["voice_application_sid"] });
    expect(now()).toMatchObject({ voice_url: OWNED.voice_url, voice_application_sid: "" });
  });

  it("gives back what it can where Twilio refuses a part of it, and says which", async () => {
    // Set when Twilio was less strict.
    const voice_url = "https://bad_host.example.com/?x=1#rc=2";
    const { release, released, now } = await prepare({ ...OWNED, voice_url });
    const answer = await released(release());
    expect(answer).toMatchObject({
      twilio: { voice: "unreachable", sms: "restored", status_callback: "restored" },
      reason: "twilio_update_rejected",
    });
    expect(answer.requests).toHaveLength(1);
    expect(answer.requests?.[0]).toContain(
      `'VoiceUrl=https://bad_host.example.com/'"?$VOICE_URL_QUERY"'#rc=2'`,
    );
    expect(answer.requests?.[0]).not.toContain("SmsUrl");
    expect(now()).toMatchObject({ sms_url: OWNED.sms_url, status_callback: OWNED.status_callback });
  });

  it("tells the customer", async () => {
    const customer = startCustomer();
    const { key } = await haveImported({ webhook_url: customer.url });
    await call("DELETE", NUMBER, key);
    expect(customer.events().at(-1)).toMatchObject({
      event: "number.released",
      phone_number: "+447446466847",
      twilio: { voice: "cleared" },
    });
  });

  it("stray calls hear something polite", async () => {
    const imported = await haveImported();
    // What this isolate knows of the number by then is forgotten.
    expect((await tell(imported, "voice", { CallSid: "CA0" })).status).toBe(200);
    await call("DELETE", NUMBER, imported.key);
    const response = await tell(imported, "voice", { CallSid: "CA1" });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining("not taking calls"),
    ]);
  });

  it("and importing in a loop never makes our own URLs the previous ones", async () => {
    const { release, released, importIt, now, before } = await prepare();
    for (let round = 0; round < 3; round += 1) {
      expect((await released(release())).twilio).toEqual(RESTORED);
      expect(now()).toEqual(before);
      expect((await importIt()).status).toBe(201);
    }
  });
});

describe("leaving is always possible", () => {
  it.each<[string, Effect, string]>([
    ["dead credentials", effects.authenticate, "twilio_auth_failed"],
    ["Twilio down", effects.serverErrorHtml, "twilio_unavailable"],
    ["no network", effects.reset, "twilio_unavailable"],
    ["Twilio's limits", effects.tooManyRequestsRetryAfter(60), "twilio_rate_limited"],
    ["a number that is not there any more", effects.notFound, "number_not_in_twilio"],
  ])("%s: the number is deleted here, and its owner is told what to send", async (_, effect, reason) => {
    const { release, released, account, number, key } = await prepare();
    const [{ id } = {}] = await rows("phone_numbers");
    twilio.faults.add({ effect, times: null });
    const answer = await released(release());
    const outcome = { voice: "unreachable", sms: "unreachable", status_callback: "unreachable" };
    expect(answer).toMatchObject({ deleted: true, twilio: outcome, reason });
    await expectError(await get(NUMBER, key), 404, "number_not_found");
    await expectError(await release(), 404, "number_not_found");
    const [request = ""] = answer.requests ?? [];
    expect(request).toContain(
      `https://api.twilio.com/2010-04-01/Accounts/${account.sid}/IncomingPhoneNumbers/${number.sid}.json`,
    );
    expect(request).toContain("StatusCallback=https://old.example.com/status");
    expect(request).toContain(`VoiceUrl=https://old.example.com/voice'"?$VOICE_URL_QUERY"''`);
    expect(JSON.stringify(answer)).not.toContain("owners-secret");
    expect(JSON.stringify(answer)).not.toContain(account.authToken);
    // A runbook looks for this line, and for the error in it.
    const fields = { phone_number_id: id, reason, error_message: expect.any(String) };
    expectLine("configuration_not_returned", { level: "warn", ...fields });
    // What its account does not have is not to be restored there.
    expect(await rows("phone_numbers")).toHaveLength(effect === effects.notFound ? 0 : 1);
  });

  it("the request can be run in a shell, and shows no password", async () => {
    const { release, released } = await prepare({
      voice_url: "https://owner:hunter2@old.example.com/o'clock?key=owners-secret",
      sms_url: "https://old.example.com/sms",
    });
    twilio.faults.add({ effect: effects.reset, times: null });
    const answer = await released(release());
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|owners-secret/);
    expect(answer.requests?.[0]).toContain(
      `--data-urlencode 'VoiceUrl=https://'"$VOICE_URL_USER@"'old.example.com/o'\\''clock'"?$VOICE_URL_QUERY"''`,
    );
    expect(answer.requests?.[0]).toContain("--data-urlencode 'SmsUrl=https://old.example.com/sms'");
  });

  it("the request goes to the region that this deployment talks to", async () => {
    const { release, released } = await prepare();
    const answer = await released(release({ TWILIO_API_BASE_URL: "https://api.dublin.ie1.twilio.com" }));
    expect(answer.requests?.[0]).toContain("curl -X POST 'https://api.dublin.ie1.twilio.com/2010-04-01/");
  });

  it.each<[string, Effect]>([
    ["refused", effects.invalidUrl],
    ["ignored", effects.ignored],
  ])("giving back is %s: the same", async (_, effect) => {
    const { release, released } = await prepare();
    twilio.faults.add({ operation: "update", effect, times: null });
    expect((await released(release())).twilio.voice).toBe("unreachable");
  });

  it("a refused update of one channel is not sent again", async () => {
    const { release, released, number } = await prepare();
    for (const field of ["sms_url", "sms_fallback_url", "status_callback"] as const)
      number[field] = "https://new.example.com/since";
    twilio.faults.add({ operation: "update", effect: effects.invalidUrl, times: null });
    const { twilio: outcomes } = await released(release());
    expect(outcomes).toEqual({ voice: "unreachable", sms: "left_alone", status_callback: "left_alone" });
    expect(operations().slice(2)).toEqual(["fetch", "update"]);
  });

  it("the request restores a trunk as well", async () => {
    const trunk_sid = `TK${"0".repeat(32)}`;
    const { release, released } = await prepare({ ...OWNED, trunk_sid });
    twilio.faults.add({ effect: effects.reset, times: null });
    expect((await released(release())).requests?.[0]).toContain(`TrunkSid=${trunk_sid}`);
  });

  it("a lost reply is looked into, and found to have worked", async () => {
    const { release, released, now, before } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.replyLost });
    expect((await released(release())).twilio).toEqual(RESTORED);
    expect(now()).toEqual(before);
  });

  it("a request that never arrived is sent again once it is seen not to have happened", async () => {
    const { release, released, now, before } = await prepare();
    twilio.faults.add({ operation: "update", effect: effects.reset });
    expect((await released(release())).twilio).toEqual(RESTORED);
    expect(now()).toEqual(before);
    expect(operations().slice(2)).toEqual(["fetch", "fetch", "update"]);
  });

  it("a sealing key that is gone: the same, without the requests that would need it", async () => {
    expectErrorLog("stored_token_unreadable");
    const { release, released } = await prepare();
    await env.DB.prepare("UPDATE twilio_accounts SET auth_token_sealed = 'v1.gone.AAAA.AAAA'").run();
    const answer = await released(release());
    expect([answer.requests?.length, answer.reason]).toEqual([1, "service_misconfigured"]);
    const second = await prepare();
    await env.DB.prepare(
      "UPDATE phone_numbers SET previous_configuration_sealed = 'v1.gone.AAAA.AAAA'",
    ).run();
    expect((await second.released(second.release())).requests).toEqual([]);
  });

  it("and what could not be given back is given back after the next import and release", async () => {
    const { release, released, importIt, now, before } = await prepare();
    twilio.faults.add({ effect: effects.serverErrorHtml, times: null });
    await released(release());
    expect(await rows("phone_numbers")).toEqual([
      expect.objectContaining({ state: "returning", agent_id: null }),
    ]);
    twilio.faults.clear();
    expect((await importIt()).status).toBe(201);
    expect((await released(release())).twilio).toEqual(RESTORED);
    expect(now()).toEqual(before);
  });
});

describe("a release that is interrupted", () => {
  it("is finished by the next: nothing is lost, whichever trip to D1 fails", async () => {
    for (const trip of [2, 3, 4]) {
      for (const when of ["before", "after"] as const) {
        const { release, released, now, before, key } = await prepare();
        const { DB } = watchedDatabase({ trip, when, times: 10 });
        await expectError(await release({ DB }), 503, "storage_unavailable");
        await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020-01-01T00:00:00.000Z'").run();
        const again = await call("DELETE", NUMBER, key);
        // The last write may have taken effect with only its reply lost.
        if (again.status !== 404) await released(again);
        expect(await rows("phone_numbers")).toEqual([]);
        expect(now()).toEqual(before);
        expect(logLines().length).toBeGreaterThan(0);
      }
    }
  });

  it("gives its lease up where D1 fails at its end, so that the next need not wait", async () => {
    const { release, released, now, before } = await prepare();
    const { DB } = watchedDatabase({ trip: 4, when: "before" });
    await expectError(await release({ DB }), 503, "storage_unavailable");
    expect(now()).toEqual(before);
    expect((await released(release())).deleted).toBe(true);
  });

  it("keeps others out while it is at work, and lets the next in when its lease is over", async () => {
    const { release, released, importIt, now, before } = await prepare();
    const lease = new Date(Date.now() + 30_000).toISOString();
    await env.DB.prepare("UPDATE phone_numbers SET state = 'releasing', lease_expires_at = ?1")
      .bind(lease)
      .run();
    const response = await release();
    const error = await expectError(response, 409, "release_in_progress");
    expect(response.headers.get("retry-after")).toBe(String(error.details.retry_after));
    await expectError(await importIt(), 409, "number_already_imported");
    await env.DB.prepare("UPDATE phone_numbers SET lease_expires_at = '2020-01-01T00:00:00.000Z'").run();
    expect((await importIt()).status).toBe(201);
    expect((await released(release())).twilio).toEqual(RESTORED);
    expect(now()).toEqual(before);
  });

  it("is not told as done once another has taken it over", async () => {
    const customer = startCustomer();
    const { key } = await haveImported({ webhook_url: customer.url });
    customer.received.length = 0;
    const { fetch } = twilio;
    twilio.fetch = async (request) => {
      await env.DB.prepare("UPDATE phone_numbers SET lease_holder = 'holder_of_another'").run();
      return fetch(request);
    };
    const response = await call("DELETE", NUMBER, key);
    expect(response.headers.get("retry-after")).toBe("1");
    await expectError(response, 409, "release_in_progress");
    expect(await rows("phone_numbers")).toMatchObject([
      { state: "releasing", lease_holder: "holder_of_another" },
    ]);
    expect(customer.received).toEqual([]);
    expect(await rows("pending_events")).toEqual([]);
    expect(logLines().map(({ event }) => event)).not.toContain("number_released");
  });

  it("done ten times at once is done once", async () => {
    const { release, now, before } = await prepare();
    const responses = await Promise.all(Array.from({ length: 10 }, () => release()));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const response of responses) expect([200, 404, 409]).toContain(response.status);
    expect(operations().filter((operation) => operation === "update")).toHaveLength(2);
    expect(now()).toEqual(before);
  });

  it("ends an import that was left unfinished, too", async () => {
    const { release, released, now, before } = await prepare();
    const past =
      "UPDATE phone_numbers SET state = 'importing', lease_expires_at = '2020-01-01T00:00:00.000Z'";
    await env.DB.prepare(past).run();
    expect((await released(release())).twilio).toEqual(RESTORED);
    expect(now()).toEqual(before);
  });
});
