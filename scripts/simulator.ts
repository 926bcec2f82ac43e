import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { Simulator } from "../test/twilio-simulator/simulator.ts";
import { DEFAULT_PORT, startLocalTwilio } from "./local/twilio.ts";
import { fail, onOrphaned } from "./wrangler.ts";

// npm run simulator: runs a simulated Twilio on this machine, with one account and two numbers.
// With --talk +44… a person in the terminal is the caller.

async function start(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string" }, talk: { type: "string" } } });
  const port = Number(values.port ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port must be a port number.");

  const { simulator, url, account, ie1 } = await startLocalTwilio(port);
  if (values.talk === undefined) onOrphaned(() => process.exit(0));
  const json = '-H "Content-Type: application/json" -d';
  console.log(`Twilio simulator at ${url}

  account  ${account.sid}
  token    ${account.authToken}
  in ie1   ${ie1.url}, token ${ie1.account.authToken}; handles the calls of ${ie1.number}
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
