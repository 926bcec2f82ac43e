import type { Connect, Fallback } from "./connect-schema.ts";

// How a call is connected to an agent's runtime, as far as answering it needs it: no schema is built before a call.

/** `connect` of a row. It was validated when it was written. */
export const connectOf = (column: string | null): Connect | null =>
  column === null ? null : (JSON.parse(column) as Connect);

/** Whether an agent with this `connect` leads its calls itself, if there is a model. */
export function isBuiltin(connect: Connect | null): connect is null | { type: "builtin" } {
  return connect === null || connect.type === "builtin";
}

/** Whom an agent may put calls through to. */
export function dialledBy(agent: {
  connect: Connect | null;
  fallback: Fallback | null;
  transfer_numbers: readonly string[];
}): string[] {
  const { connect, fallback, transfer_numbers } = agent;
  const dials = [connect, fallback].flatMap((verb) => (verb?.type === "dial" ? [verb.number] : []));
  return [...dials, ...transfer_numbers];
}
