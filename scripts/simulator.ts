import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { serveSimulator } from "../test/twilio-simulator/serve.ts";
import { createSimulator, type Simulator } from "../test/twilio-simulator/simulator.ts";
import { openFromNode } from "../test/twilio-simulator/sockets.ts";
import { addAccount, addNumber } from "../test/twilio-simulator/state.ts";
import { fail, onOrphaned } from "./wrangler.ts";

// npm run simulator: runs a simulated Twilio on this machine, with one account and two numbers.
// With --talk +44… a person in the terminal is the caller.

const DEFAULT_PORT = "4010";

async function start(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string" }, talk: { type: "string" } } });
  const port = Number(values.port ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port must be a port number.");

  const simulator = createSimulator((request) => fetch(request), openFromNode);
  const account = addAccount(simulator.state, {
    sid: "AC00000000000000000000000000000001",
    authToken: "simulated-auth-token",
  });
  addNumber(simulator.state, account, {
    sid: "PN451e0ddf654327e36baab58dfbcd30d6",
    phone_number: "+447446466847",
    voice_url: "https://demo.twilio.com/welcome/voice/",
    sms_url: "https://demo.twilio.com/welcome/sms/reply",
  });
  addNumber(simulator.state, account, {
    sid: "PN00000000000000000000000000000002",
    phone_number: "+15005550002",
    trunk_sid: "TK00000000000000000000000000000001",
  });

  // The Region of Ireland handles the calls of this number. There the account has another token.
  const irish = addAccount(simulator.regions.ie1, {
    sid: account.sid,
    authToken: "simulated-auth-token-ie1",
  });
  const phone_number = "+35315550003";
  const sid = "PN00000000000000000000000000000003";
  addNumber(simulator.state, account, { sid, phone_number });
  addNumber(simulator.regions.ie1, irish, { sid, phone_number });
  simulator.state.voiceRegions.set(phone_number, "ie1");

  const { url } = await serveSimulator(simulator, port);
  const ie1 = await serveSimulator(simulator, port === 0 ? 0 : port + 1, "ie1");
  if (values.talk === undefined) onOrphaned(() => process.exit(0));
  const json = '-H "Content-Type: application/json" -d';
  console.log(`Twilio simulator at ${url}

  account  ${account.sid}
  token    ${account.authToken}
  in ie1   ${ie1.url}, token ${irish.authToken}; handles the calls of ${phone_number}
  numbers  ${[...simulator.state.numbers.values()].map(({ phone_number }) => phone_number).join(", ")}

Look inside:  curl ${url}/_simulator
Ring:         curl ${url}/_simulator/ring ${json} '{"phone_number":"+447446466847"}'
Talk:         curl ${url}/_simulator/ring ${json} '{"phone_number":"+447446466847","say":["What are your opening hours?"]}'
Text:         curl ${url}/_simulator/text ${json} '{"phone_number":"+447446466847","body":"Hello"}'
Break it:     curl ${url}/_simulator/faults ${json} '{"effect":"serverErrorHtml","times":3}'
`);
  if (values.talk !== undefined) await talk(simulator, values.talk);
}

/** A person is the caller: what they type is said, and what the agent says is printed. */
async function talk(simulator: Simulator, phoneNumber: string): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(
    `Import ${phoneNumber}, then press Enter to ring it. Type what you say; an empty line hangs up.`,
  );
  for (;;) {
    if ((await lines.next()).done) return process.exit(0);
    const { answeredBy, dialled } = await simulator.ring(phoneNumber, {
      say: async () => (await lines.next()).value || undefined,
      onLine: ({ by, text }) => by === "agent" && console.log(`\x1b[1m${text.trim()}\x1b[0m`),
      lingerMs: 1_000,
    });
    for (const number of dialled) console.log(`(put through to ${number})`);
    console.log(`(the call is over; answered by: ${answeredBy}. Enter rings again.)`);
  }
}

await start().catch((error: Error & { code?: string }) =>
  fail(error.code === "EADDRINUSE" ? "The port is in use. Choose another one with --port." : error),
);
