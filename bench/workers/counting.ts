import { metered, newMeter } from "../../test/support/metered-database.ts";
import worker from "./index.js";

/** The Worker as it is, with its round trips to D1 counted: each answer says how many it took. */
export default {
  async fetch(request: Request, env: { DB: D1Database }, ctx: ExecutionContext): Promise<Response> {
    const meter = newMeter();
    const response = await worker.fetch(request, { ...env, DB: metered(env.DB, meter) }, ctx);
    const answer = new Response(response.body, response);
    answer.headers.set("x-d1-trips", String(meter.trips));
    return answer;
  },
};
