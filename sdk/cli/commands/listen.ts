import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client, components } from "@nixflex/numbers";
import { Argument } from "commander";
import { postEvent } from "../../../src/events/post.ts";
import { signedHeaders } from "../../../src/events/signature.ts";
import type { Act, Given } from "../act.ts";
import { usage } from "../failures.ts";
import { intervalOption, type Limited, limitOption } from "../options.ts";
import { note } from "../output.ts";
import { patiently } from "../patience.ts";

type Delivery = components["schemas"]["Delivery"];
type ListenOptions = Limited & { interval: number };

/** As long as a deployment waits. */
const TIMEOUT_MS = 10_000;
const PAGE = 100;

export const listening: readonly Act[] = [
  {
    name: "listen",
    does: "send your events to a program on this machine while this runs, as a deployment would: signed",
    takes: [
      new Argument("<url>"),
      intervalOption("how often to ask for new events"),
      limitOption("end after this many"),
    ],
    help: `
Events also go where they go anyway; nothing is changed. They are signed with NIXFLEX_WEBHOOK_SECRET, else with a
secret made for this run, which is printed. An event that your program does not take is not sent again. Only what
has a URL happens as an event: an agent's webhook_url, or that of \`webhooks url\`.`,
    examples: ["nixflex-numbers listen http://localhost:3000/events"],
    run: listen,
  },
];

async function listen({ nixflex, options }: Given<ListenOptions>, url: string): Promise<undefined> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usage(`The URL must be like http://localhost:3000/events, not ${JSON.stringify(url)}.`);
  const secret = process.env.NIXFLEX_WEBHOOK_SECRET?.trim() || `nxws_${randomBytes(32).toString("hex")}`;
  if (!/^nxws_[0-9a-f]{64}$/.test(secret)) throw usage("NIXFLEX_WEBHOOK_SECRET must be like nxws_….");
  const { interval, limit = Number.POSITIVE_INFINITY, json } = options;
  const seen = new Set<string>();
  await patiently(() => unseen(nixflex, seen, 1));
  if (!process.env.NIXFLEX_WEBHOOK_SECRET) note(`Signed with: ${secret}`);
  note(`New events go to ${url} until you end this with Ctrl-C.`);
  for (let sent = 0; sent < limit; ) {
    await delay(interval * 1_000);
    for (const { id, event } of (await patiently(() => unseen(nixflex, seen))).slice(0, limit - sent)) {
      const { payload } = await patiently(() => nixflex.getDelivery({ path: { id } }));
      const body = JSON.stringify(payload);
      const answer = await postEvent(
        url,
        body,
        await signedHeaders([secret], id, body, new Date()),
        TIMEOUT_MS,
      );
      const { httpStatus: http_status, error } = { httpStatus: null, error: null, ...answer };
      const told = json
        ? JSON.stringify({ id, event, http_status, error })
        : `${event}  ${id}  ${http_status ?? error}`;
      process.stdout.write(`${told}\n`);
      sent += 1;
    }
  }
}

/** What came since, the oldest first. */
async function unseen(nixflex: Client, seen: Set<string>, maxPages = Number.POSITIVE_INFINITY) {
  const found: Delivery[] = [];
  for (let page = 0; page < maxPages; page += 1) {
    const query = { limit: PAGE, offset: page * PAGE };
    const { deliveries } = await nixflex.listDeliveries({ query });
    const fresh = deliveries.filter(({ id }) => !seen.has(id));
    found.push(...fresh);
    if (fresh.length < PAGE) break;
  }
  // A new event moves the pages, so one may be read twice.
  const once = new Map(found.map((one) => [one.id, one]));
  for (const id of once.keys()) seen.add(id);
  return [...once.values()].reverse();
}
