import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { operations } from "../support/document.ts";
import { twilio } from "../support/twilio.ts";
import { authorization, BASE, createKey, expectError, type Key, send } from "../support/worker.ts";
import { type Example, inPath, OF_API_KEYS, OF_LINKS, OF_THE_OPERATOR } from "./examples.ts";
import {
  EXAMPLES,
  examplesOf,
  type HeaderFields,
  requestOf,
  routes,
  said,
  storedOf,
  textOf,
  withoutNames,
} from "./requests.ts";
import { haveTenants, type Named, NOBODY, type Tenant } from "./tenant.ts";

// What one API key has, no other reaches: every route under /v1, taken from the route table. A new route needs an
// example in examples.ts, as does a new parameter that names something.

const [STRANGER, OWNER] = ["ossian", "berenice"];
const OPERATOR = { authorization: `Bearer ${env.ADMIN_TOKEN}` };

async function ownerAndStranger(): Promise<[Tenant, Tenant]> {
  const [owner, stranger] = await haveTenants(OWNER, STRANGER);
  if (!owner || !stranger) throw new Error("nobody is there");
  return [owner, stranger];
}

/** What there is of a customer: here, at Twilio, and as the customer sees it. */
async function everythingOf(tenant: Tenant) {
  const { numbers, calls, texts } = twilio.state;
  const seen: string[] = [];
  for (const [route, examples] of Object.entries(OF_API_KEYS)) {
    if (!route.startsWith("GET ") || !routes.includes(route)) continue;
    for (const example of examples(tenant, tenant)) {
      const response = await send(requestOf(route, example, tenant, authorization(tenant.key)));
      expect(response.status, route).toBe(200);
      seen.push(await textOf(response));
    }
  }
  return structuredClone({
    stored: await storedOf(tenant),
    numbers: numbers.of(tenant.twilioSid),
    calls: calls
      .filter(({ resource }) => resource.account_sid === tenant.twilioSid)
      .map(({ resource }) => resource),
    texts: texts.filter(({ account_sid }) => account_sid === tenant.twilioSid),
    seen,
  });
}

const requestsOf = ({ twilioSid }: Named) =>
  twilio.state.requests.filter(({ path }) => path.includes(twilioSid)).length;

describe("the examples", () => {
  it("are about every route under /v1, and no other", () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual([...routes].sort());
  });

  it("name something of another's in every parameter that names something", () => {
    const symbols = (who: string) =>
      Object.fromEntries(Object.keys(NOBODY).map((name) => [name, `${name} of ${who}`])) as Named;
    // `voice_id` and what Twilio calls its keys are Twilio's, `external_id` a customer's own word, and whom an agent calls is nobody's.
    const KEYS = ["twilio_api_key_sid", "webhook_signing_key_id"];
    const NOT_OURS = ["to_number", "voice_id", "external_id", ...KEYS];
    const missing = operations
      .map((operation) => ({
        ...operation,
        route: `${operation.method} ${operation.path.replace(/\{(\w+)\}/g, ":$1")}`,
      }))
      .filter(({ route }) => EXAMPLES[route])
      .flatMap(({ route, parameters = [], requestBody }) => {
        const fields = Object.keys(requestBody?.content["application/json"].schema.properties ?? {});
        const examples = examplesOf(route)(symbols("owner"), symbols("stranger"));
        const names = [...parameters.filter((one) => one.in !== "header").map(({ name }) => name), ...fields];
        return names
          .filter((name) => /(^|_)(id|sid|number)$/.test(name) && !NOT_OURS.includes(name))
          .filter((name) =>
            examples.every(({ path, query, body }) => {
              const place = { ...(route.includes(`:${name}`) && inPath(symbols("owner"))), ...path };
              return ![place[name], query?.[name], body?.[name]].some((value) =>
                String(value).endsWith("of owner"),
              );
            }),
          )
          .map((name) => `${route} ${name}`);
      });
    expect(missing).toEqual([]);
  });
});

describe("without an API key that is good", () => {
  it("every route is 401", async () => {
    const [key, other, revoked] = [await createKey(), await createKey(), await createKey()];
    await send(new Request(`${BASE}/v1/keys/${revoked.key_id}`, { method: "DELETE", headers: OPERATOR }));
    const bad: HeaderFields[] = [
      {},
      authorization({ key_id: key.key_id, key_secret: other.key_secret }),
      authorization(revoked),
    ];
    for (const route of routes) {
      const code =
        route in OF_THE_OPERATOR
          ? "invalid_admin_token"
          : route in OF_LINKS
            ? "invalid_connect_link"
            : "invalid_api_key";
      for (const headers of bad) {
        const response = await send(requestOf(route, {}, { ...NOBODY, keyId: key.key_id }, headers));
        await expectError(response, 401, code);
      }
    }
  });
});

/** Sends one customer's request about another's things, under the key that the customer has then. */
async function ask(route: string, example: Example, of: Named, by: Tenant, headers: HeaderFields = {}) {
  const request = requestOf(route, example, of, { ...headers, ...authorization(by.key) });
  const asked = `${decodeURIComponent(request.url)} ${JSON.stringify(example.body)}`;
  const response = await send(request);
  if (route === "POST /v1/keys/rotate") by.key = await (response.clone() as Response).json<Key>();
  const answer = await said(response);
  return {
    response,
    asked,
    answer,
    what: `${by.own[0]}: ${route} ${JSON.stringify(example)} ${answer}`,
  };
}

/** An answer says nothing of a customer's that the request did not say. */
function expectNothingOf(
  owner: Tenant,
  { asked, answer, what }: Record<"asked" | "answer" | "what", string>,
): void {
  for (const text of owner.own.filter((text) => !asked.includes(text)))
    expect(answer.includes(text), `${what} tells ${text}`).toBe(false);
}

// Every route is asked several times, on a machine that does other things as well.
const PATIENT = { timeout: 120_000 };

describe("what another API key has", PATIENT, () => {
  it("is neither told nor changed, and its answers are those about what nobody has", async () => {
    const [owner, stranger] = await ownerAndStranger();
    const before = await everythingOf(owner);
    for (const route of Object.keys(OF_API_KEYS).filter((route) => routes.includes(route))) {
      const aboutNobody = examplesOf(route)(NOBODY, stranger);
      const requests = requestsOf(owner);
      for (const [index, example] of examplesOf(route)(owner, stranger).entries()) {
        const told = await ask(route, example, owner, stranger);
        if (example.refused) await expectError(told.response.clone() as Response, ...example.refused);
        else expect(told.response.ok, told.what).toBe(true);
        expectNothingOf(owner, told);
        const nobody = aboutNobody[index] ?? {};
        const isNaming = route.includes(":") || JSON.stringify(nobody) !== JSON.stringify(example);
        if (isNaming && !example.differs) {
          const { response } = await ask(route, nobody, NOBODY, stranger);
          expect(await withoutNames(told.response, owner), told.what).toBe(
            await withoutNames(response, NOBODY),
          );
        }
        if (!told.asked.includes(owner.twilioToken)) expect(requestsOf(owner), told.what).toBe(requests);
        expect(await storedOf(owner), told.what).toEqual(before.stored);
      }
    }
    expect(await everythingOf(owner)).toEqual(before);
  });

  // An example that does not get the owner through would prove nothing.
  const lasts = ["DELETE /v1/agents/:agent_id", "DELETE /v1/phone-numbers/:number"];
  const place = (route: string) => Number(route.startsWith("DELETE ")) + lasts.indexOf(route) + 1;
  it("is reached by its own key, whose answers nobody else is given again", async () => {
    const [owner, stranger] = await ownerAndStranger();
    const ofKeys = routes.filter((route) => route in OF_API_KEYS);
    for (const route of ofKeys.sort((a, b) => place(a) - place(b))) {
      for (const [index, example] of examplesOf(route)(owner, owner).entries()) {
        const headers = { "idempotency-key": `${route} ${index}` };
        const { response, what } = await ask(route, example, owner, owner, headers);
        if (example.owner === undefined) expect(response.ok, what).toBe(true);
        else expect(response.status, what).toBe(example.owner);
        const again = await ask(route, example, owner, stranger, headers);
        expect(again.response.headers.get("idempotent-replayed"), again.what).toBeNull();
        expectNothingOf(owner, again);
      }
    }
  });
});

describe("the operator's routes", PATIENT, () => {
  it("are opened by no API key, not even about itself", async () => {
    const [owner, stranger] = await ownerAndStranger();
    const before = await everythingOf(owner);
    const asked = async (headers: HeaderFields, check: (response: Response, route: string) => unknown) => {
      for (const [route, examples] of Object.entries(OF_THE_OPERATOR))
        for (const example of examples(owner, owner))
          await check(await send(requestOf(route, example, owner, headers)), route);
    };
    for (const { key } of [stranger, owner])
      await asked(authorization(key), (response) => expectError(response, 401, "invalid_admin_token"));
    expect(await everythingOf(owner)).toEqual(before);
    await asked(OPERATOR, (response, route) => expect(response.ok, route).toBe(true));
  });
});
