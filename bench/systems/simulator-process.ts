import { serveSimulator } from "../../test/twilio-simulator/serve.ts";
import { createSimulator } from "../../test/twilio-simulator/simulator.ts";

// The simulated Twilio in a process of its own, so that its work is not done by the one that measures.

const { url } = await serveSimulator(createSimulator((request) => fetch(request)));
process.send?.({ url });
process.on("disconnect", () => process.exit(0));
