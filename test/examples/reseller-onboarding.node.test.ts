import { createClient } from "@nixflex/numbers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createTestHarness } from "wrangler";
import { onboard } from "../../examples/reseller-onboarding.ts";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { type SimulatorServer, serveSimulator } from "../twilio-simulator/serve.ts";
import { createSimulator, type Simulator } from "../twilio-simulator/simulator.ts";
import { type Account, addAccount, addNumber } from "../twilio-simulator/state.ts";

// The example as a reseller runs it: the built client, the Worker on a real port, and a simulated Twilio.

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const PUBLIC_BASE_URL = "https://numbers.example.com";

let simulator: Simulator;
let twilio: SimulatorServer;
let server: ReturnType<typeof createTestHarness>;
let baseUrl: string;
let admin: ReturnType<typeof createClient>;

beforeAll(async () => {
  simulator = createSimulator(
    async () => new Response("<Response/>", { headers: { "content-type": "text/xml" } }),
  );
  twilio = await serveSimulator(simulator);
  const secrets = freshSecrets();
  server = createTestHarness({
    workers: [
      {
        configPath: "wrangler.toml",
        vars: { PUBLIC_BASE_URL, TWILIO_API_BASE_URL: twilio.url },
        secrets,
      },
    ],
  });
  baseUrl = (await server.listen()).url.href;
  await server.getWorker<Env>().applyD1Migrations("DB");
  admin = createClient({ baseUrl, token: secrets.ADMIN_TOKEN });
}, 60_000);

afterAll(async () => {
  await server?.close();
  await twilio?.close();
});

beforeEach(() => {
  simulator.faults.clear();
});

async function haveCustomer(numbers: string[]) {
  const account: Account = addAccount(simulator.state);
  for (const phone_number of numbers) addNumber(simulator.state, account, { phone_number });
  const { key_id, key_secret } = await admin.createKey({ body: { name: "reseller" } });
  const nixflex = createClient({ baseUrl, token: `${key_id}:${key_secret}` });
  const { agent_id } = await nixflex.createAgent({ body: { name: "Receptionist" } });
  return {
    nixflex,
    agentId: agent_id,
    account: { accountSid: account.sid, authToken: account.authToken, baseUrl: twilio.url },
  };
}

it("imports every number of the account, over Twilio's pages", async () => {
  const numbers = Array.from({ length: 52 }, (_, index) => `+1500555${String(1000 + index)}`);
  const { nixflex, account, agentId } = await haveCustomer(numbers);
  const outcomes = await onboard(nixflex, account, agentId);
  expect(outcomes).toEqual(numbers.map((phoneNumber) => ({ phoneNumber, result: "imported" })));
  for (const number of simulator.state.numbers.values()) expect(number.voice_url).toContain(PUBLIC_BASE_URL);
});

it("can be run again: what is imported already stays so", async () => {
  const { nixflex, account, agentId } = await haveCustomer(["+15005552001", "+15005552002"]);
  await onboard(nixflex, account, agentId);
  const owner = simulator.state.accounts.get(account.accountSid);
  if (owner) addNumber(simulator.state, owner, { phone_number: "+15005552003" });
  expect(await onboard(nixflex, account, agentId)).toEqual([
    { phoneNumber: "+15005552001", result: "number_already_imported" },
    { phoneNumber: "+15005552002", result: "number_already_imported" },
    { phoneNumber: "+15005552003", result: "imported" },
  ]);
});

it("waits as long as it is told to, and goes on after a number that cannot be had", async () => {
  const { nixflex, account, agentId } = await haveCustomer(["+15005553001", "+15005553002"]);
  simulator.faults.add({ effect: effects.tooManyRequestsRetryAfter(5), operation: "list", after: 1 });
  simulator.faults.add({ effect: effects.invalidUrl, operation: "update" });
  const waits: number[] = [];
  const outcomes = await onboard(nixflex, account, agentId, async (seconds) => void waits.push(seconds));
  expect(outcomes).toEqual([
    { phoneNumber: "+15005553001", result: "twilio_update_rejected" },
    { phoneNumber: "+15005553002", result: "imported" },
  ]);
  expect(waits).toEqual([5]);
});

it("says so where Twilio does not know the account", async () => {
  const { nixflex, account, agentId } = await haveCustomer([]);
  await expect(onboard(nixflex, { ...account, authToken: "wrong" }, agentId)).rejects.toThrow("401");
});
