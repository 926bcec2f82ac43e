import { type SimulatorServer, serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator, type Simulator } from "../../test/twilio-simulator/simulator.ts";
import { openFromNode } from "../../test/twilio-simulator/sockets.ts";
import { type Account, addAccount, addNumber } from "../../test/twilio-simulator/state.ts";

export const DEFAULT_PORT = 4010;

/** The number whose calls and texts the examples of the documentation import. */
export const NUMBER = "+447446466847";

/** A number that nobody has imported yet; a SIP trunk answers it. */
export const OTHER_NUMBER = "+15005550002";

/** An API key of the account that may do everything, also make what signs its webhooks. */
export const API_KEY = { sid: "SK00000000000000000000000000000001", secret: "simulated-api-key-secret" };

/** A simulated Twilio on this machine. `ie1` is its Region in Ireland, where the account has another token. */
export type LocalTwilio = {
  simulator: Simulator;
  url: string;
  account: Account;
  ie1: { url: string; account: Account; number: string };
};

/**
 * Starts a simulated Twilio with one account and three numbers. Ireland has the next port.
 *
 * @param isPortFixed whether it is an error if a port is in use. If not, free ones are taken instead.
 */
export async function startLocalTwilio(port: number, isPortFixed = true): Promise<LocalTwilio> {
  const simulator = createSimulator((request) => fetch(request), openFromNode);
  const account = addAccount(simulator.state, {
    sid: "AC00000000000000000000000000000001",
    authToken: "simulated-auth-token",
    apiKeys: [API_KEY],
  });
  addNumber(simulator.state, account, {
    sid: "PN451e0ddf654327e36baab58dfbcd30d6",
    phone_number: NUMBER,
    voice_url: "https://demo.twilio.com/welcome/voice/",
    sms_url: "https://demo.twilio.com/welcome/sms/reply",
  });
  addNumber(simulator.state, account, {
    sid: "PN00000000000000000000000000000002",
    phone_number: OTHER_NUMBER,
    trunk_sid: "TK00000000000000000000000000000001",
  });

  // The Region of Ireland handles the calls of this number.
  const irish = addAccount(simulator.regions.ie1, {
    sid: account.sid,
    authToken: "simulated-auth-token-ie1",
  });
  const phone_number = "+35315550003";
  const sid = "PN00000000000000000000000000000003";
  addNumber(simulator.state, account, { sid, phone_number });
  addNumber(simulator.regions.ie1, irish, { sid, phone_number });
  simulator.state.voiceRegions.set(phone_number, "ie1");

  const serve = (wanted: number, ...region: ["ie1"?]): Promise<SimulatorServer> =>
    serveSimulator(simulator, wanted, ...region).catch((error: Error & { code?: string }) => {
      if (isPortFixed || error.code !== "EADDRINUSE") throw error;
      return serveSimulator(simulator, 0, ...region);
    });
  const { url } = await serve(port);
  const ie1 = await serve(port === 0 ? 0 : port + 1, "ie1");
  return { simulator, url, account, ie1: { url: ie1.url, account: irish, number: phone_number } };
}
