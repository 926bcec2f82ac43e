import { sendExpecting } from "../measure/client.ts";
import { type Row, row } from "../report/row.ts";
import { countBytesTo } from "../systems/byte-counter.ts";
import { createCustomer } from "../systems/customer.ts";
import { floorRequest } from "../systems/floor.ts";
import { startPeer } from "../systems/peer.ts";
import { startRuntime } from "../systems/runtime.ts";
import { startSimulator, type TwilioNumber } from "../systems/simulator.ts";

type Counts = { calls: number; bytes: number };

/** What one import costs in calls to Twilio, round trips to D1 and bytes between it and Twilio. */
export async function countImports(): Promise<Row[]> {
  const simulator = await startSimulator();
  const door = await countBytesTo(simulator.url);
  const runtime = await startRuntime(door.url);
  const peer = await startPeer(door.url);
  const customer = await createCustomer(runtime);
  const account = await simulator.addAccount();

  const count = async (act: (number: TwilioNumber) => Promise<unknown>): Promise<Counts> => {
    const [number] = await simulator.addNumbers(account, 1);
    if (!number) throw new Error("no number to import");
    const before = await simulator.requestsSoFar();
    door.take();
    await act(number);
    return { bytes: door.take(), calls: (await simulator.requestsSoFar()) - before };
  };
  let trips = 0;
  const worker = await count(async (number) => {
    trips = await customer.countTrips(account, number);
  });
  const floor = await count((number) =>
    sendExpecting(204, floorRequest(runtime.urls.floor, door.url, account, number)),
  );
  const express = await count((number) => peer.importNumber(account, number));

  peer.close();
  await runtime.close();
  door.close();
  simulator.close();
  const floorName = "floor: two calls to Twilio";
  return [
    row("calls to Twilio of an import", "calls", [worker.calls], floorName, [floor.calls], { atMost: 1 }),
    row("calls to Twilio of an import", "calls", [worker.calls], "Express peer", [express.calls], {
      atMost: 1,
    }),
    row("bytes to and from Twilio of an import", "bytes", [worker.bytes], floorName, [floor.bytes]),
    row("bytes to and from Twilio of an import", "bytes", [worker.bytes], "Express peer", [express.bytes]),
    row("round trips to D1 of an import", "trips", [trips], "the limit of AGENTS.md", [4], { atMost: 1 }),
  ];
}
