import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { verifyEvent } from "../../src/events/signature.ts";
import { becomes } from "./becomes.ts";

type Event = Record<string, unknown>;

/** A customer's own server: takes events in, and believes only those that are signed with its secret. */
export async function startCustomer() {
  const events: Event[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const signature = String(request.headers["x-nixflex-signature"]);
    const isGenuine = await verifyEvent(customer.secret, body, signature, new Date());
    if (isGenuine) events.push(JSON.parse(body));
    else customer.refused += 1;
    response.writeHead(isGenuine ? 204 : 401).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const customer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    /** Its webhook secret. */
    secret: "",
    /** How many events it refused. */
    refused: 0,
    events: events as readonly Event[],
    last: (type: string) => events.findLast(({ event }) => event === type),
    /** Waits until it has been told all of these. */
    told: (...types: string[]) =>
      becomes(() => types.every((type) => events.some(({ event }) => event === type))),
    close: () => server.close(),
  };
  return customer;
}
