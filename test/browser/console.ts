import type { Page } from "playwright-core";
import { startTwilio } from "../../scripts/demo/twilio.ts";
import { startWorker } from "../../scripts/demo/worker.ts";
import { createApiKey } from "../../src/api-keys/api-key.ts";
import { insertApiKey } from "../../src/api-keys/store.ts";
import type { Account } from "../twilio-simulator/state.ts";
import { type Look, launch, visit } from "./support.ts";

export type World = Awaited<ReturnType<typeof startWorld>>;

/** The Worker beside a simulated Twilio with its telephone network and its model, and a browser. @param vars of the Worker */
export async function startWorld(vars: Record<string, string> = {}) {
  const browser = await launch();
  const twilio = await startTwilio(() => worker.url);
  const worker = await startWorker(twilio.url, twilio.regionUrls, vars);
  const { origin } = new URL(worker.url);
  const account = twilio.addAccount();

  async function call<Body = Record<string, string>>(
    method: string,
    path: string,
    bearer: string,
    body?: unknown,
  ) {
    const response = await fetch(origin + path, {
      method,
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return (await response.json()) as Body;
  }

  /** A new API key, as its owner pastes it. By the store, because one address may create only ten an hour. */
  async function createKey(): Promise<string> {
    const { keyId, keySecret, row } = await createApiKey("browser", new Date());
    await insertApiKey(worker.database, row, "");
    return `${keyId}:${keySecret}`;
  }

  /** Numbers of the simulated account, imported under an agent. */
  async function haveNumbers(key: string, agentId: string, phoneNumbers: readonly string[]): Promise<void> {
    for (const phone_number of phoneNumbers) {
      twilio.addNumber(account, { phone_number });
      await call("POST", "/v1/phone-numbers", key, credentials(account, phone_number, agentId));
    }
  }

  const createAgent = async (key: string, fields: Record<string, unknown> = {}) =>
    (await call("POST", "/v1/agents", key, { name: "Receptionist", ...fields })).agent_id ?? "";

  return {
    browser,
    origin,
    twilio,
    account,
    call,
    createKey,
    createAgent,
    haveNumbers,
    /** A new API key with an agent that answers one number. */
    createKeyWith: async (phoneNumber: string): Promise<string> => {
      const key = await createKey();
      await haveNumbers(key, await createAgent(key), [phoneNumber]);
      return key;
    },
    /** Another Twilio account, which has these numbers. Somebody else answers them, and nobody has imported them. */
    haveAccount: (...phoneNumbers: string[]): Account => {
      const other = twilio.addAccount();
      for (const phone_number of phoneNumbers)
        twilio.addNumber(other, {
          phone_number,
          friendly_name: "Front desk",
          voice_url: "https://api.vapi.ai/twilio/inbound_call",
        });
      return other;
    },
    /** So many numbers more, with the digits after it, all like this one. */
    multiply: async (phoneNumber: string, amount: number) => {
      const { results } = await worker.database
        .prepare("SELECT name FROM pragma_table_info('phone_numbers')")
        .all<{ name: string }>();
      const own: Record<string, string> = {
        id: "id || '_' || n.value",
        phone_number: "'+' || (CAST(substr(phone_number, 2) AS INTEGER) + n.value)",
        twilio_number_sid: "'PN' || printf('%032x', n.value)",
      };
      const names = results.map(({ name }) => name);
      await worker.database
        .prepare(
          `WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?2)
           INSERT INTO phone_numbers (${names.join(", ")})
           SELECT ${names.map((name) => own[name] ?? name).join(", ")} FROM phone_numbers, n WHERE phone_number = ?1`,
        )
        .bind(phoneNumber, amount)
        .run();
    },
    /** Posts as the page of a connect link does: with the link's token, and the cookie that the customer's browser keeps. */
    customerOf: (url: string) => {
      let cookie = "";
      return async (path: string, body: object): Promise<Response> => {
        const response = await fetch(`${origin}/v1/connect/${path}`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${url.split("#")[1]}`,
            "content-type": "application/json",
            cookie,
          },
          body: JSON.stringify(body),
        });
        cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
        return response;
      };
    },
    /** The time of a connect link is over. */
    expire: (id: string) =>
      worker.database
        .prepare("UPDATE connect_links SET expires_at = '2026-01-01T00:00:00.000Z' WHERE id = ?1")
        .bind(id)
        .run(),
    close: async () => {
      await browser.close();
      await worker.close();
      await twilio.close();
    },
  };
}

export function credentials(account: Account, phone_number: string, agent_id: string) {
  return { phone_number, twilio_sid: account.sid, twilio_token: account.authToken, agent_id };
}

/** Opens the console and signs in as a person does. */
export async function signIn({ browser, origin }: World, key: string, look: Look) {
  const visited = await visit(browser, `${origin}/console`, look);
  await visited.page.getByLabel("API key").fill(key);
  await visited.page.getByRole("button", { name: "Sign in" }).click();
  await visited.page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  return visited;
}

/** Goes to a page of the console by its navigation. */
export async function open(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name, exact: true }).click();
  // Until then the page before is there. Without a session everybody is asked to sign in.
  const heading = new RegExp(`^(${name}|Sign in)$`);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}
