import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@nixflex/numbers";

// A reseller has one good receptionist and five hundred businesses, each with a number in the reseller's Twilio account. Who
// rings one is greeted in its name, books at it, and is put through to its own desk.
//
//   export NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET
//   WEBHOOK_SECRET=nxws_… npx node examples/reseller.ts serve 8080
//   BOOKINGS_URL=https://bookings.example.com TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… \
//   npx node examples/reseller.ts businesses.csv > results.csv

// 1. The receptionist. What stands in braces is each business's own.

const receptionist = (bookingsUrl: string) => ({
  name: "Receptionist",
  system_prompt:
    "You are the receptionist of {{business}}. It is open {{hours|on weekdays}}. Book appointments, and put through who " +
    "wants to talk to somebody.",
  welcome_message: "Hello, you have reached {{business}}. How can I help?",
  tools: [
    {
      name: "book",
      description: "Books an appointment. Call it when the caller has said the day and the hour.",
      parameters: {
        type: "object" as const,
        properties: {
          day: { type: "string", maxLength: 100 },
          hour: { type: "integer", minimum: 0, maximum: 23 },
        },
        required: ["day", "hour"],
      },
      url: bookingsUrl,
      filler: "One moment, I will look.",
    },
  ],
});

// 2. The businesses. The file begins with `phone_number;id;name;hours;desk;greeting`; who has no greeting gets the
//    receptionist's.

export const readBusinesses = (csv: string) =>
  csv
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => {
      const [phone_number = "", id = "", business = "", hours = "", desk = "", greeting] = line.split(";");
      return {
        phone_number,
        external_id: id,
        label: business,
        dynamic_vars: { business, hours },
        transfer_numbers: [desk],
        // If anything fails, callers reach the desk all the same.
        fallback: { type: "dial" as const, number: desk },
        ...(greeting && { welcome_message: greeting }),
      };
    });

// 3. They move in. Run it again after a mishap: a number that is imported already stays as it is.

type Reseller = { accountSid: string; authToken: string; bookingsUrl: string };

/** @returns what became of each number, as CSV */
export async function moveIn(
  nixflex: Client,
  { accountSid, authToken, bookingsUrl }: Reseller,
  businesses: ReturnType<typeof readBusinesses>,
  report: (progress: string) => void = () => undefined,
  everyMs = 2_000,
): Promise<string> {
  const { agent_id } = await nixflex.createAgent(
    { body: receptionist(bookingsUrl) },
    { headers: { "idempotency-key": `receptionist-${accountSid}` } },
  );
  const { import_id } = await nixflex.createPhoneNumberImport({
    body: {
      items: businesses,
      include_subaccounts: true,
      twilio_sid: accountSid,
      twilio_token: authToken,
      agent_id,
    },
  });
  const path = { import_id };
  for (;;) {
    const { counts, total, seconds_left, ended_at } = await nixflex.getPhoneNumberImport({ path });
    report(`${import_id}: ${total - (counts.waiting ?? 0)} of ${total}, ${seconds_left ?? "?"} s left`);
    if (ended_at !== null) return (await nixflex.downloadPhoneNumberImportResults({ path })).text();
    await delay(everyMs);
  }
}

// 4. Callers book. The receptionist asks this server, and says in its own words what it answers.

export type Booking = { business: string; day: string; hour: number };

/** @param book takes a booking; false if the hour is taken. It may come again with the same id. */
export const bookings =
  (secret: string, book: (id: string, booking: Booking) => Promise<boolean>): RequestListener =>
  async (request, response) => {
    const body = await text(request);
    if (!isGenuine(secret, body, String(request.headers["x-nixflex-signature"]))) {
      response.writeHead(401).end();
      return;
    }
    const { tool_call_id, external_id, arguments: wanted, dry_run } = JSON.parse(body);
    // Somebody tries the agent: nothing is booked.
    const isFree = dry_run || (await book(tool_call_id, { business: external_id, ...wanted }));
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify(isFree ? { booked: wanted } : { booked: null, because: "That hour is taken." }),
    );
  };

function isGenuine(secret: string, body: string, header: string): boolean {
  const parts = header.split(",");
  const time = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
  const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  const expected = Buffer.from(`v1=${signature}`);
  const fits = (part: Buffer) => part.length === expected.length && timingSafeEqual(part, expected);
  return (
    Math.abs(Date.now() / 1_000 - Number(time)) <= 300 && parts.map((part) => Buffer.from(part)).some(fits)
  );
}

// 5. From the command line.

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

if (import.meta.main) {
  const [, , file = "", port] = process.argv;
  if (file === "serve") {
    const book = async (id: string, booking: Booking) => {
      console.log(id, booking);
      return true;
    };
    createServer(bookings(setting("WEBHOOK_SECRET"), book)).listen(Number(port));
  } else {
    const nixflex = createClient({ baseUrl: setting("NIXFLEX_URL"), token: setting("NIXFLEX_KEY") });
    const reseller = {
      accountSid: setting("TWILIO_ACCOUNT_SID"),
      authToken: setting("TWILIO_AUTH_TOKEN"),
      bookingsUrl: setting("BOOKINGS_URL"),
    };
    const businesses = readBusinesses(readFileSync(file, "utf8"));
    console.log(await moveIn(nixflex, reseller, businesses, console.error));
  }
}
