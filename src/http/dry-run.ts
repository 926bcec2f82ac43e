import type { AppContext } from "./context.ts";
import type { ApiError } from "./errors.ts";
import { type Fault, faultError } from "./faults.ts";
import { parseObject } from "./json.ts";
import { readBody } from "./read-body.ts";

/** The accepted spellings, in the query and in a body. */
export const DRY_RUN_SPELLINGS: readonly string[] = ["dry_run", "dryRun"];

const WORDS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...[true, "true", 1, "1", ""].map((word) => [word, true] as const),
  ...[false, "false", 0, "0"].map((word) => [word, false] as const),
]);

/** Why a value of `dry_run` is refused. */
export const DRY_RUN_FAULT: Fault = {
  code: "invalid_parameter",
  problem: { problem: "not_allowed", allowed: [true, false] },
  hint: "It must be the same in the query and in the body.",
};

/**
 * What a body says about a dry run; undefined if it says nothing.
 *
 * @returns true or false; a text if the value is neither, or if two spellings say different things
 */
export function dryRunInBody(body: object): unknown {
  const given = Object.entries(body).filter(
    ([name, value]) => DRY_RUN_SPELLINGS.includes(name) && value !== null,
  );
  const words = new Set(
    given.map(([, value]) => WORDS.get(typeof value === "string" ? value.trim() : value)),
  );
  if (words.size > 1) return "contradiction";
  const [word] = words;
  return given.length === 0 ? undefined : (word ?? "unclear");
}

/**
 * Whether a request asks for a dry run, in its query or in its body. One of them is enough.
 *
 * @param inBody the value from the body, as the schema returns it
 * @throws ApiError `invalid_parameter` if the value is unclear, or if query and body say different things
 */
export function isDryRun(c: AppContext, inBody?: boolean): boolean {
  const texts = DRY_RUN_SPELLINGS.flatMap((name) => c.req.queries(name) ?? []);
  const words = new Set<unknown>(texts.map((text) => WORDS.get(text.trim())));
  if (inBody !== undefined) words.add(inBody);
  if (words.has(undefined) || words.size > 1) throw invalidDryRun();
  return words.has(true);
}

/**
 * The same for an endpoint that reads nothing else from the body.
 *
 * @throws ApiError `invalid_parameter`, `payload_too_large`
 */
export async function isDryRunInAny(c: AppContext): Promise<boolean> {
  const text = new TextDecoder().decode(await readBody(c.req.raw));
  const inBody = dryRunInBody(parseObject(text) ?? {});
  if (inBody !== undefined && typeof inBody !== "boolean") throw invalidDryRun();
  return isDryRun(c, inBody);
}

function invalidDryRun(): ApiError {
  return faultError([{ field: "dry_run", ...DRY_RUN_FAULT }]);
}
