import * as z from "zod/mini";
import { answered, type Reference } from "./http/operation.ts";

export const healthReference: Reference = {
  tag: { name: "Health", description: "For monitors." },
  operations: {
    "GET /healthz": {
      id: "getHealth",
      summary: "Ask whether the service works",
      description: "200 while the deployment is configured completely and its database answers.",
      auth: "none",
      answers: [
        {
          status: 200,
          description: "It does.",
          schema: z.object({ status: answered(z.literal("ok"), "Always `ok`.") }),
          example: { status: "ok" },
        },
      ],
      errors: [],
    },
  },
};
