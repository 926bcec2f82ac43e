import * as z from "zod/mini";
import { answered, type Reference } from "./http/operation.ts";

export const healthReference: Reference = {
  tag: { name: "Health", description: "For monitors." },
  operations: {
    "GET /healthz": {
      id: "getHealth",
      summary: "See whether the service works",
      description: "200 if the deployment is configured correctly and its database answers.",
      auth: "none",
      answers: [
        {
          status: 200,
          description: "The service works.",
          schema: z.object({ status: answered(z.literal("ok"), "Always `ok`.") }),
          example: { status: "ok" },
        },
      ],
      errors: [],
    },
  },
};
