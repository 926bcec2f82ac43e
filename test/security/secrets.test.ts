import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { refusalOf } from "../../src/api-keys/permission.ts";
import { connect } from "../support/mcp.ts";
import { needs } from "../support/needs.ts";
import { createSecret, type Secret, signedIn } from "../support/secrets.ts";
import { twilio } from "../support/twilio.ts";
import {
  authorization,
  BASE,
  call,
  createAgent,
  createKey,
  expectError,
  post,
  send,
} from "../support/worker.ts";
import { addNumber } from "../twilio-simulator/state.ts";
import type { Example } from "./examples.ts";
import {
  examplesOf,
  type HeaderFields,
  requestOf,
  routes,
  said,
  storedOf,
  withoutNames,
} from "./requests.ts";
import { haveTenants, NOBODY, type Tenant } from "./tenant.ts";

// What each secret of a key reaches: every route under /v1 that an API key opens, with each kind of secret, by its sessions and
// by /mcp. permission.test.ts says which routes are open to whom; here each is asked.

const ofKeys = routes.filter((route) => needs.get(route) !== undefined);
// What takes something away comes last, and a rotation would end the key that the others need.
const inOrder = [
  ...ofKeys.filter((route) => !route.startsWith("DELETE ")),
  ...ofKeys.filter((route) => route.startsWith("DELETE ")),
].filter((route) => route !== "POST /v1/keys/rotate");

const PATIENT = { timeout: 120_000 };
const OTHER = { externalId: "Business of cicely", phoneNumber: "+447446466877" };

/** A customer whose key has a second business, on another number of the same Twilio account. */
async function haveTwoBusinesses() {
  const [owner] = await haveTenants("berenice");
  if (!owner) throw new Error("nobody is there");
  const account = [...twilio.state.accounts.values()].find(({ sid }) => sid === owner.twilioSid);
  if (!account) throw new Error("no account");
  addNumber(twilio.state, account, { phone_number: OTHER.phoneNumber });
  const agentId = await createAgent(owner.key, { name: "Agent of cicely", system_prompt: "cicely sings." });
  const imported = await post(
    "/v1/phone-numbers",
    {
      phone_number: OTHER.phoneNumber,
      twilio_sid: owner.twilioSid,
      twilio_token: owner.twilioToken,
      agent_id: agentId,
      external_id: OTHER.externalId,
      label: "Label of cicely",
    },
    { key: owner.key },
  );
  expect(imported.status).toBe(201);
  await twilio.ring(OTHER.phoneNumber, { from: "+441632960077", say: ["Is this cicely?"] });
  return { owner, other: [agentId, OTHER.phoneNumber, "cicely"] };
}

async function ask(
  route: string,
  example: Example,
  of: Parameters<typeof requestOf>[2],
  headers: HeaderFields,
) {
  const request = requestOf(route, example, of, headers);
  const asked = `${decodeURIComponent(request.url.replaceAll("+", " "))} ${JSON.stringify(example.body)}`;
  const response = await send(request);
  return { response, asked, what: `${route} ${JSON.stringify(example)} ${await said(response)}` };
}

/** What is stored of a customer, but for when secrets were last used, and what is kept for an `Idempotency-Key`. */
const storedExceptUse = async (owner: Tenant) =>
  (await storedOf(owner))
    .filter((row) => !row.startsWith("idempotency_keys "))
    .map((row) => row.replace(/"(?:last_used_on|kept_on|kept_bytes)":[^,}]*/g, ""))
    .sort();

function expectNothing(texts: readonly string[], { asked, what }: { asked: string; what: string }): void {
  for (const text of texts.filter((text) => !asked.includes(text)))
    expect(what.includes(text), `${what} tells ${text}`).toBe(false);
}

/** The secret, and a session of it. */
const ways = async (secret: Secret): Promise<HeaderFields[]> => [
  authorization(secret),
  await signedIn(secret),
];

describe("each route", PATIENT, () => {
  it("is closed to what has ended and to another key's, and to their sessions", async () => {
    const [key, stranger] = [await createKey(), await createKey()];
    const soon = new Date(Date.now() + 60_000).toISOString();
    const expired = await ways(await createSecret(key, { expires_at: soon }));
    const secret = await createSecret(key);
    const deleted = await ways(secret);
    await call("DELETE", `/v1/keys/secrets/${secret.secret_id}`, key);
    const foreign = authorization({ ...key, key_secret: (await createSecret(stranger)).key_secret });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(soon) });
    for (const route of ofKeys)
      for (const headers of [...expired, ...deleted, foreign])
        await expectError(
          await send(requestOf(route, {}, { ...NOBODY, keyId: key.key_id }, headers)),
          401,
          "invalid_api_key",
        );
  });

  it("shows a reading secret what it shows the key, and changes nothing for it", async () => {
    const { owner } = await haveTwoBusinesses();
    const secret = await createSecret(owner.key, { scope: "read" });
    const before = await storedExceptUse(owner);
    for (const headers of await ways(secret))
      for (const route of [...inOrder, "POST /v1/keys/rotate"])
        for (const example of examplesOf(route)(owner, owner)) {
          const { response, what } = await ask(route, example, owner, headers);
          const refusal = refusalOf(needs.get(route) ?? "all", { scope: "read", external_id: null });
          if (refusal) await expectError(response, 403, "read_only_secret");
          // A session starts no session.
          else if (route === "POST /v1/session" && "cookie" in headers) expect(response.status).toBe(401);
          else expect(response.ok, what).toBe(true);
        }
    expect(await storedExceptUse(owner)).toEqual(before);
  });

  it("shows a secret of another external_id nothing, and what nobody has alike", async () => {
    const { owner } = await haveTwoBusinesses();
    const secret = await createSecret(owner.key, { external_id: OTHER.externalId });
    const own = owner.own.filter((text) => ![owner.keyId, owner.twilioSid, secret.secret_id].includes(text));
    const before = await storedExceptUse(owner);
    const numbers = structuredClone(twilio.state.numbers.of(owner.twilioSid));
    for (const headers of await ways(secret))
      for (const route of [...inOrder, "POST /v1/keys/rotate"]) {
        const aboutNobody = examplesOf(route)(NOBODY, owner);
        for (const [index, example] of examplesOf(route)(owner, owner).entries()) {
          const told = await ask(route, example, owner, headers);
          expectNothing(own, told);
          if (refusalOf(needs.get(route) ?? "all", { scope: "full", external_id: OTHER.externalId })) {
            await expectError(told.response.clone() as Response, 403, "secret_is_limited");
            continue;
          }
          const nobody = aboutNobody[index] ?? {};
          const isNaming = route.includes(":") || JSON.stringify(nobody) !== JSON.stringify(example);
          // Its own number is in the same account.
          if (!isNaming || example.query?.twilio_sid) continue;
          const { response } = await ask(route, nobody, NOBODY, headers);
          expect(await withoutNames(told.response, owner), told.what).toBe(
            await withoutNames(response, NOBODY),
          );
        }
      }
    expect(await storedExceptUse(owner)).toEqual(before);
    expect(twilio.state.numbers.of(owner.twilioSid)).toEqual(numbers);
  });

  it("shows a secret of its external_id its own alone, and changes it", async () => {
    const { owner, other } = await haveTwoBusinesses();
    const secret = await createSecret(owner.key, { external_id: owner.externalId });
    for (const route of inOrder)
      for (const [index, example] of examplesOf(route)(owner, owner).entries()) {
        const headers = { ...authorization(secret), "idempotency-key": `${route} ${index}` };
        const told = await ask(route, example, owner, headers);
        expectNothing(other, told);
        const names = [example.body?.agent_id, example.body?.external_id].some((name) => name !== undefined);
        const refusal = refusalOf(needs.get(route) ?? "all", {
          scope: "full",
          external_id: owner.externalId,
        });
        if (refusal || (route.startsWith("PATCH ") && names))
          await expectError(told.response, 403, "secret_is_limited");
        else if (example.owner === undefined) expect(told.response.ok, told.what).toBe(true);
        else expect(told.response.status, told.what).toBe(example.owner);
        // The key as a whole is not given again what was answered to one of its customers.
        if (refusal || !route.startsWith("POST /v1/sms")) continue;
        const whole = { ...authorization(owner.key), "idempotency-key": `${route} ${index}` };
        const again = await ask(route, example, owner, whole);
        expect(again.response.headers.get("idempotent-replayed"), again.what).toBeNull();
      }
  });
});

describe("through /mcp", PATIENT, () => {
  type Listed = { tool: { name: string; inputSchema: { properties: object } }; method: string; path: string };

  it("a secret reaches what it reaches without, and a session nothing", async () => {
    const { owner } = await haveTwoBusinesses();
    const { tools } = await (await env.ASSETS.fetch(new URL("/mcp.json", BASE))).json<{ tools: Listed[] }>();
    const kinds = [
      { scope: "read", external_id: null },
      { scope: "full", external_id: OTHER.externalId },
    ] as const;
    for (const { scope, external_id: externalId } of kinds) {
      const asked = { scope, ...(externalId && { external_id: externalId }) };
      const secret = await createSecret(owner.key, asked);
      const own = owner.own.filter((text) => ![owner.keyId, owner.twilioSid].includes(text));
      const { tool } = await connect(secret);
      const before = await storedExceptUse(owner);
      for (const { tool: listed, method, path } of tools) {
        const route = `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`;
        const [example = {}] = examplesOf(route)(owner, owner);
        const places = requestOf(route, example, owner, {}).url;
        const known = { number: owner.phoneNumber, ...example.path, ...example.query, ...example.body };
        const byPath = Object.fromEntries(
          [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""], index) => [
            name,
            decodeURIComponent(partOf(places, path, index)),
          ]),
        );
        const args = Object.fromEntries(
          Object.entries({ ...known, ...byPath }).filter(([name]) => name in listed.inputSchema.properties),
        );
        const isChange = "apply" in listed.inputSchema.properties;
        const key = "idempotency_key" in listed.inputSchema.properties;
        const { answer, text } = await tool(listed.name, {
          ...args,
          ...(isChange && { apply: true }),
          ...(key && { idempotency_key: listed.name }),
        });
        const refusal = refusalOf(needs.get(route) ?? "all", { scope, external_id: externalId });
        if (refusal) expect(answer, `${listed.name} ${text}`).toMatchObject({ error: { code: refusal } });
        if (externalId) expectNothing(own, { asked: JSON.stringify(args), what: text });
      }
      expect(await storedExceptUse(owner)).toEqual(before);
    }
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "list_agents", arguments: {} },
    };
    const headers = {
      ...(await signedIn(owner.key)),
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const response = await send(
      new Request(`${BASE}/mcp`, { method: "POST", headers, body: JSON.stringify(message) }),
    );
    expect(await response.text()).toContain("invalid_api_key");
  });
});

/** What stands in an address in the place of a path's parameter. */
function partOf(address: string, path: string, index: number): string {
  const places = path.split("/").flatMap((part, at) => (part.startsWith("{") ? [at] : []));
  return new URL(address).pathname.split("/")[places[index] ?? 0] ?? "";
}
