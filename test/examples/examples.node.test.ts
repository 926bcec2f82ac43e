import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@nixflex/numbers";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createTestHarness } from "wrangler";
import { buyAndImport } from "../../examples/buy-and-import.ts";
import { sendThere, takeBack } from "../../examples/connect.ts";
import { remind } from "../../examples/remind.ts";
import { type Booking, bookings, moveIn, readBusinesses } from "../../examples/reseller.ts";
import { freshSecrets } from "../../scripts/fresh-secrets.ts";
import { effects } from "../twilio-simulator/faults.ts";
import { type SimulatorServer, serveSimulator } from "../twilio-simulator/serve.ts";
import { createSimulator, type Simulator } from "../twilio-simulator/simulator.ts";
import { openFromNode } from "../twilio-simulator/sockets.ts";
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
  const there = (url: string) => url.replace(PUBLIC_BASE_URL, baseUrl);
  simulator = createSimulator(
    (request) => fetch(new Request(there(request.url), request)),
    (url, headers) => openFromNode(there(url.replace(/^ws/, "http")).replace(/^http/, "ws"), headers),
  );
  twilio = await serveSimulator(simulator);
  const secrets = freshSecrets();
  server = createTestHarness({
    workers: [
      {
        configPath: "wrangler.toml",
        vars: {
          PUBLIC_BASE_URL,
          TWILIO_API_BASE_URL: twilio.url,
          MODEL_BASE_URL: `${twilio.url}/v1`,
          MODEL: "scripted",
          ALLOW_LOCAL_WEBHOOKS: "true",
          CONNECT_LINKS: "true",
        },
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

describe("a customer with an account of their own", () => {
  it("is sent to the page and taken back, and the API says what they have connected", async () => {
    const number = "+12125510990";
    const { nixflex, agentId, account } = await haveCustomer([number]);
    const url = new URL(await sendThere(nixflex, agentId, "dentist-17", "https://app.example.com"));
    expect(`${url.origin}${url.pathname}`).toBe(`${PUBLIC_BASE_URL}/connect`);
    // What the page does.
    let cookie = "";
    const inBrowser = async (request: Request) => {
      request.headers.set("cookie", cookie);
      const response = await fetch(request);
      cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
      return response;
    };
    const page = createClient({ baseUrl, token: url.hash.slice(1), fetch: inBrowser });
    const { connect_link_id, redirect_url } = await page.seeConnectLink();
    const body = { twilio_sid: account.accountSid, twilio_token: account.authToken };
    await page.connectByLink({ body });
    await page.importByLink({ body: { phone_number: number } });
    const returned = `${redirect_url}?connect_link_id=${connect_link_id}&status=completed`;
    expect(await takeBack(nixflex, returned)).toEqual({ customer: "dentist-17", numbers: [number] });
  });
});

describe("a reseller", () => {
  const COUNT = 60;
  const numberOf = (index: number) => `+12125${String(510_000 + index)}`;
  const deskOf = (index: number) => `+14155${String(510_000 + index)}`;
  const csv = [
    "phone_number;id;name;hours;desk;greeting",
    ...Array.from({ length: COUNT }, (_, index) => {
      const greeting = index % 2 === 0 ? `Salon ${index}, good day!` : "";
      return `${numberOf(index)};salon-${index};Salon ${index};from ${index % 12} o'clock;${deskOf(index)};${greeting}`;
    }),
  ].join("\r\n");

  it("moves in with sixty businesses: callers are greeted by name, book, and reach the desk", async () => {
    const { nixflex, account } = await haveCustomer(
      Array.from({ length: COUNT - 1 }, (_, index) => numberOf(index)),
    );
    const subaccount = addAccount(simulator.state, { ownerSid: account.accountSid });
    addNumber(simulator.state, subaccount, { phone_number: numberOf(COUNT - 1) });
    const { webhook_secret } = await nixflex.rotateWebhookSecret();
    const booked: Booking[] = [];
    const server = createServer(
      bookings(webhook_secret, async (_, booking) => {
        booked.push(booking);
        return true;
      }),
    ).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    const bookingsUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    onTestFinished(() => {
      server.close();
    });
    simulator.faults.add({ effect: effects.invalidUrl, operation: "update" });
    const progress: string[] = [];
    const businesses = readBusinesses(csv);
    const run = (some: typeof businesses) =>
      moveIn(nixflex, { ...account, bookingsUrl }, some, (line) => progress.push(line), 200);
    const results = await run(businesses);
    expect(results.match(/,imported,/g)).toHaveLength(COUNT - 1);
    expect(results).toContain(",failed,,twilio_update_rejected,");
    expect(progress.at(-1)).toContain(`${COUNT} of ${COUNT}`);
    // Run again, it does what is left, with the same receptionist.
    const failed = results
      .split("\r\n")
      .find((line) => line.includes(",failed,"))
      ?.split(",")[0];
    const others = new Set([failed, numberOf(10), numberOf(20)]);
    const again = await run(businesses.filter(({ phone_number }) => others.has(phone_number)));
    expect(again.match(/,already_yours,/g)).toHaveLength(2);
    expect(again.match(/,imported,/g)).toHaveLength(1);
    const { agents } = await nixflex.listAgents();
    expect(agents.filter(({ tools }) => tools?.length)).toHaveLength(1);

    for (const index of [0, 31, COUNT - 1]) {
      const { conversation, dialled } = await simulator.ring(numberOf(index), {
        say: ["I want to book a cut, on Friday at 15.", "Now put me through to a person, please."],
        lingerMs: 60_000,
      });
      const greeting =
        index % 2 === 0
          ? `Salon ${index}, good day!`
          : `Hello, you have reached Salon ${index}. How can I help?`;
      expect(conversation[0]).toMatchObject({ by: "agent", text: greeting });
      expect(conversation.map(({ text }) => text).join()).toContain('This is the answer: {"booked":{');
      expect(booked.at(-1)).toMatchObject({ business: `salon-${index}`, hour: 15 });
      expect(dialled).toEqual([deskOf(index)]);
    }
    expect(booked).toHaveLength(3);
    const forged = await fetch(bookingsUrl, { method: "POST", body: "{}" });
    expect([forged.status, booked.length]).toEqual([401, 3]);
  }, 400_000);

  it("is told if Twilio does not know the account", async () => {
    const { nixflex, account } = await haveCustomer([]);
    const reseller = { ...account, authToken: "wrong", bookingsUrl: "https://bookings.example.com" };
    const refused = moveIn(nixflex, reseller, readBusinesses(csv));
    await expect(refused).rejects.toMatchObject({ code: "twilio_auth_failed" });
  });
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
  const placed = simulator.state.calls.filter(({ resource }) => resource.direction !== "inbound");
  expect([placed.length, simulator.state.messages.length]).toEqual([2, 1]);
});
