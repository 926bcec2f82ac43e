import { serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator } from "../../test/twilio-simulator/simulator.ts";
import { openEcho, openFromNode } from "../../test/twilio-simulator/sockets.ts";
import { type Account, addAccount, addNumber } from "../../test/twilio-simulator/state.ts";
import { PUBLIC_BASE_URL } from "./worker.ts";

/**
 * A simulated Twilio: what the owner of an account sees and does there, and the telephone network.
 *
 * @param workerUrl where the Worker really listens; the network reaches it by its public name
 */
export async function startTwilio(workerUrl: () => string) {
  const here = (url: string) => new URL(new URL(url).pathname, workerUrl());
  const simulator = createSimulator(
    (request) => fetch(new Request(here(request.url), request)),
    (url, headers) => {
      // The customer's own runtime is a small one that repeats what it hears.
      if (new URL(url).host !== new URL(PUBLIC_BASE_URL).host) return openEcho(url, headers);
      return openFromNode(here(url).href.replace(/^http/, "ws"), headers);
    },
  );
  const { state, regions, ring, text, dial, deliverTexts } = simulator;
  const served = await serveSimulator(simulator);
  const ireland = await serveSimulator(simulator, 0, "ie1");
  const numberOf = (sid: string) => {
    const number = state.numbers.get(sid);
    if (!number) throw new Error(`no number ${sid} at Twilio`);
    return number;
  };
  return {
    url: served.url,
    regionUrls: `ie1=${ireland.url}`,
    addAccount: (fields: Partial<Account> = {}) => addAccount(state, fields),
    addNumber: (account: Account, fields: Parameters<typeof addNumber>[2]) =>
      addNumber(state, account, fields),
    /** A number whose calls are handled in Ireland, where its account has a token of its own. */
    addIrishNumber(account: Account, phone_number: string) {
      const { sid } = addNumber(state, account, { phone_number });
      const irish = addAccount(regions.ie1, { sid: account.sid });
      state.voiceRegions.set(phone_number, "ie1");
      addNumber(regions.ie1, irish, { sid, phone_number });
      return irish;
    },
    /** The numbers with these phone numbers, as Twilio has them. */
    numbers: (...phoneNumbers: string[]) =>
      [...state.numbers.values()].filter((number) => phoneNumbers.includes(number.phone_number)),
    /** Where the number's calls and texts go. */
    webhooks(sid: string) {
      const { voice_url, sms_url, status_callback, trunk_sid } = numberOf(sid);
      return { voice_url, sms_url, status_callback, trunk_sid };
    },
    /** Somebody edits the number. */
    edit: (sid: string, fields: object) => Object.assign(numberOf(sid), fields),
    /** What Twilio was asked so far. */
    operations: () => state.requests.map(({ operation }) => operation),
    /** The texts that were sent by its REST API. */
    messages: () => state.messages,
    /** What goes wrong there. */
    faults: simulator.faults,
    ring,
    text,
    dial,
    deliverTexts,
    async close() {
      await served.close();
      await ireland.close();
    },
  };
}
