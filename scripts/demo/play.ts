import { startCustomer } from "./customer.ts";
import { sum } from "./transcript.ts";
import { startTwilio } from "./twilio.ts";
import { startWorker } from "./worker.ts";

/** Who is on the stage. */
type Cast = Awaited<ReturnType<typeof gather>>;

/** Plays the scenes. The exit code is 0 only if every claim held. */
export async function play(scenes: (cast: Cast) => Promise<void>): Promise<void> {
  const cast = await gather();
  try {
    await scenes(cast);
    sum();
  } catch (error) {
    console.error(error);
    cast.worker.debug();
    process.exitCode = 1;
  } finally {
    await cast.worker.close();
    await cast.twilio.close();
    cast.customer.close();
  }
}

async function gather() {
  let workerUrl = "";
  const twilio = await startTwilio(() => workerUrl);
  const customer = await startCustomer();
  const worker = await startWorker(twilio.url, twilio.regionUrls);
  workerUrl = worker.url;
  return { twilio, customer, worker };
}
