import { verifyEvent } from "../../src/events/signature.ts";

/** A customer's own server, which receives events. */
export type Customer = {
  url: string;
  /** What came in, in order: the body as it was sent, and its headers. */
  received: { body: string; headers: Headers }[];
  /** The bodies, parsed. */
  events: () => Record<string, unknown>[];
  /** How many of the requests this secret has signed. */
  signedBy: (secret: string) => Promise<number>;
};

type Answer = (request: Request) => Response | Promise<Response>;

const answers = new Map<string, Answer>();

export function startCustomers(): void {
  answers.clear();
}

export function customerAt(origin: string): Answer | undefined {
  return answers.get(origin);
}

/** Starts a customer's server. By default it answers 200 to everything. */
export function startCustomer(
  answer: Answer = () => new Response("ok"),
  origin = "https://customer.example",
): Customer {
  const received: Customer["received"] = [];
  answers.set(origin, async (request) => {
    received.push({ body: await request.clone().text(), headers: request.headers });
    return answer(request);
  });
  return {
    url: `${origin}/events`,
    received,
    events: () => received.map(({ body }) => JSON.parse(body) as Record<string, unknown>),
    signedBy: async (secret) => {
      const verdicts = await Promise.all(
        received.map(({ body, headers }) =>
          verifyEvent(secret, body, headers.get("x-nixflex-signature") ?? "", new Date()),
        ),
      );
      return verdicts.filter(Boolean).length;
    },
  };
}
