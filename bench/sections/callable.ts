import type { HttpRequest } from "../measure/client.ts";
import { atOnce } from "../measure/closed-loop.ts";
import { signedCall } from "../systems/call.ts";
import type { Customer } from "../systems/customer.ts";
import type { Peer } from "../systems/peer.ts";
import type { RunningSimulator, TwilioAccount } from "../systems/simulator.ts";

const IMPORTS_IN_FLIGHT = 8;

/**
 * Numbers of the account, imported by somebody, and a signed call to each. Where a call goes is read from Twilio, as
 * it is in life.
 *
 * @param importer who imports them, and where its calls are to be sent instead of the public address
 */
export async function callableNumbers(
  simulator: RunningSimulator,
  account: TwilioAccount,
  { importNumber }: Pick<Customer | Peer, "importNumber">,
  origin: string,
  count: number,
): Promise<HttpRequest[]> {
  const numbers = await simulator.addNumbers(account, count);
  await atOnce(numbers, IMPORTS_IN_FLIGHT, (number) => importNumber(account, number));
  return Promise.all(
    numbers.map(async (number) => {
      const { voice_url } = await simulator.read(account, number);
      return signedCall(account, number, voice_url, origin);
    }),
  );
}

/** One of them after the other, over and over. */
export function inTurn<Item>(items: readonly Item[]): () => Item {
  let next = 0;
  return () => {
    const item = items[next % items.length];
    next += 1;
    if (item === undefined) throw new Error("nothing to take");
    return item;
  };
}
