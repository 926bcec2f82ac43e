import type * as z from "zod/mini";
import { nearest } from "./near-names.ts";
import { unknownFields } from "./schema.ts";

/** What a caller should know although the request succeeded. Answers have a list of them beside the resource. */
export type Warning<Code extends string = string> = {
  code: Code;
  message: string;
  details: Record<string, string>;
};

const MAX_NAMED = 10;
const MAX_NAME_LENGTH = 64;

/** A warning for each field of a body that its schema does not know; of the entries of a list, for the first with it. */
export function warningsOf(schema: z.core.$ZodType, body: unknown): Warning<"unknown_field">[] {
  const warnings = new Map<string, Warning<"unknown_field">>();
  for (const { path, name, known } of unknownFields(schema, body)) {
    const place = path.replace(/\.\d+\./g, ".");
    if (warnings.has(place)) continue;
    const field = `${path.slice(0, path.length - name.length)}${name.slice(0, MAX_NAME_LENGTH)}`;
    const candidate = nearest(name.slice(0, MAX_NAME_LENGTH), known);
    warnings.set(place, {
      code: "unknown_field",
      message: `There is no field ${field}, so it was ignored.${candidate === undefined ? "" : ` Did you mean ${candidate}?`}`,
      details: { field, ...(candidate !== undefined && { did_you_mean: candidate }) },
    });
    if (warnings.size === MAX_NAMED) break;
  }
  return [...warnings.values()];
}

/** The answer with these warnings after its own. */
export async function withWarnings(response: Response, warnings: readonly Warning[]): Promise<Response> {
  const answer = await response.json<{ warnings?: readonly Warning[] }>();
  const body = { ...answer, warnings: [...(answer.warnings ?? []), ...warnings] };
  return new Response(JSON.stringify(body), response);
}
