import { Hono } from "hono/tiny";
import { requireAdmin } from "../api-keys/authenticate.ts";
import type { AppEnv } from "../http/context.ts";
import { requestServices } from "../services.ts";
import { releaseForOperator } from "./release/release.ts";
import { numberInPath, toTheEnd } from "./request.ts";
import { serialiseReleased } from "./serialise.ts";

/** Any key's numbers, for the operator: for the owner of a number that a key no longer there has imported. */
export const adminNumbers = new Hono<AppEnv>().delete(
  "/:number",
  requireAdmin({ always: true }),
  async (c) => {
    const { apiKeyId, ...released } = await toTheEnd(
      c,
      releaseForOperator(await numberInPath(c), requestServices(c)),
    );
    return c.json({ phone_number: { ...serialiseReleased(released), key_id: apiKeyId } });
  },
);
