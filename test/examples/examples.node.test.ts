import { createClient } from "@nixflex/numbers";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createTestHarness } from "wrangler";
import { buyAndImport } from "../../examples/buy-and-import.ts";
import { remind } from "../../examples/remind.ts";
import { onboard } from "../../examples/reseller-onboarding.ts";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { type SimulatorServer, serveSimulator } from "../twilio-simulator/serve.ts";
import { createSimulator, type Simulator } from "../twilio-simulator/simulator.ts";
import { type Account, addAccount, addNumber } from "../twilio-simulator/state.ts";

// The examples as their readers run them: the built client, the Worker on a real port, and a simulated Twilio.

// Nothing here reads where a request came from, so wrangler need not ask Cloudflare for an example of it.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

const PUBLIC_BASE_URL = "https://numbers.example.com";

let simulator: Simulator;
let twilio: SimulatorServer;
let server: ReturnType<typeof createTestHarness>;
let baseUrl: string;
let admin: ReturnType<typeof createClient>;

beforeAll(async () => {
  // The network reaches the Worker by its public name.
  simulator = createSimulator((request) =>
    fetch(new Request(request.url.replace(PUBLIC_BASE_URL, baseUrl), request)),
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
  baseUrl = (await server.listen()).url.origin;
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

it("a reseller imports every number of the account and its subaccounts, and gets a CSV", async () => {
  const numbers = Array.from({ length: 52 }, (_, index) => `+1500555${String(1000 + index)}`);
  const { nixflex, account, agentId } = await haveCustomer(numbers);
  const subaccount = addAccount(simulator.state, { ownerSid: account.accountSid });
  addNumber(simulator.state, subaccount, { phone_number: "+15005552000" });
  simulator.faults.add({ effect: effects.invalidUrl, operation: "update" });
  const progress: string[] = [];
  const settings = { ...account, agentId };
  const csv = await onboard(nixflex, settings, (line) => progress.push(line), 50);
  const [head, ...lines] = csv.split("\r\n").map((line) => line.split(","));
  const outcomes = lines.map((cells) => cells[head?.indexOf("outcome") ?? -1]);
  expect(outcomes.filter((outcome) => outcome === "imported")).toHaveLength(52);
  expect(csv).toContain(",failed,,twilio_update_rejected,");
  expect(progress.at(-1)).toContain("53 of 53");
  // It can be run again.
  const again = await onboard(nixflex, settings, undefined, 50);
  expect(again.match(/,already_yours,/g)).toHaveLength(52);
  expect(again.match(/,imported,/g)).toHaveLength(1);
});

it("says so if Twilio does not know the account", async () => {
  const { nixflex, account, agentId } = await haveCustomer([]);
  const refused = onboard(nixflex, { ...account, authToken: "wrong", agentId });
  await expect(refused).rejects.toMatchObject({ code: "twilio_auth_failed" });
});

it("a number is bought at Twilio and imported", async () => {
  const { nixflex, account, agentId } = await haveCustomer([]);
  await expect(buyAndImport(nixflex, account, "US", agentId)).rejects.toThrow("no number in US");
  simulator.state.available.push("+15005558000");
  expect(await buyAndImport(nixflex, account, "US", agentId)).toBe("+15005558000");
  const bought = [...simulator.state.numbers.values()].find(
    ({ phone_number }) => phone_number === "+15005558000",
  );
  expect(bought?.voice_url).toContain(PUBLIC_BASE_URL);
});

it("an agent calls about an appointment, and texts who was not reached", async () => {
  const { nixflex, account, agentId } = await haveCustomer(["+15005553000"]);
  await nixflex.importPhoneNumber({
    body: {
      phone_number: "+15005553000",
      twilio_sid: account.accountSid,
      twilio_token: account.authToken,
      agent_id: agentId,
    },
  });
  const outcome = async (id: string, phoneNumber: string, answers: "human" | "busy") => {
    const reminded = remind(nixflex, agentId, { id, phoneNumber, name: "Ada", time: "Friday" }, 20);
    await vi.waitFor(() =>
      expect(simulator.state.calls).toContainEqual(
        expect.objectContaining({ resource: expect.objectContaining({ to: phoneNumber }) }),
      ),
    );
    await simulator.dial({ answers });
    return reminded;
  };
  expect(await outcome("one", "+14155550123", "human")).toEqual({ call: expect.any(String) });
  const texted = await outcome("two", "+14155550124", "busy");
  expect(texted).toEqual({ text: simulator.state.messages.at(-1)?.sid });
  // Run again, it does nothing twice.
  const again = remind(
    nixflex,
    agentId,
    { id: "two", phoneNumber: "+14155550124", name: "Ada", time: "Friday" },
    20,
  );
  expect(await again).toEqual(texted);
  expect([simulator.state.calls.length, simulator.state.messages.length]).toEqual([2, 1]);
});
