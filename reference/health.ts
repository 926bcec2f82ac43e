import * as z from "zod/mini";
import { answer, answered, type Reference } from "./operation.ts";

export const healthReference: Reference = {
  tag: { name: "Health", description: "For monitors." },
  operations: {
    "GET /healthz": {
      id: "getHealth",
      summary: "See whether the service works",
      description:
        "200 if the deployment is configured correctly, its database answers with all migrations, and what is sealed opens.\n\n" +
        "`?deep` also says what the platform gives the service: whether the database is near, and whether it is on " +
        "Cloudflare's Free plan. It makes some sixty queries, so it needs the admin token " +
        "(`Authorization: Bearer ADMIN_TOKEN`).",
      auth: "none",
      query: z.object({
        deep: answered(
          z.optional(z.string()),
          "Present, with any value: look at the platform too. Needs the admin token.",
        ),
      }),
      answers: [
        answer(
          "The service works.",
          z.object({
            status: answered(z.enum(["ok", "attention"]), "`attention` only with `?deep`: see `warnings`."),
            version: answered(z.optional(z.string()), "The version of this service; not with `?deep`."),
            version_id: answered(
              z.optional(z.nullable(z.string())),
              "Cloudflare's id of the deployed version; not with `?deep`.",
            ),
            database: answered(
              z.optional(
                z.object({
                  region: answered(
                    z.nullable(z.string()),
                    "Where the primary database is; null if D1 does not say",
                  ),
                  round_trip_ms: answered(z.number(), "How long a query takes"),
                  size_bytes: answered(z.int(), "How large it is"),
                  used: answered(z.number(), "The share of what a database may hold, from 0 to 1"),
                }),
              ),
              "Only with `?deep`.",
            ),
            warnings: answered(
              z.optional(
                z.array(
                  z.object({
                    code: answered(
                      z.enum(["free_plan", "database_far_away", "database_filling", "database_nearly_full"]),
                      "What was found",
                    ),
                    message: answered(z.string(), "What it means"),
                  }),
                ),
              ),
              "Only with `?deep`.",
            ),
          }),
          { status: "ok", version: "1.0.0", version_id: "db7cd8d3-4425-4fe7-8c81-01bf963b6067" },
        ),
      ],
      errors: ["invalid_admin_token"],
    },
  },
};
