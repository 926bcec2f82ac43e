import type { Tool } from "../model/model.ts";
import type { ToolDefinition } from "./definition.ts";

// What the model may ask for: what every call has by itself, and the customer's own. No I/O here.

export function builtinTools(transferNumbers: readonly string[]): Tool[] {
  const end: Tool = {
    name: "end_call",
    description: "Ends the call. Say goodbye first. Use it once the caller has nothing more to say.",
    parameters: { type: "object", properties: {} },
  };
  if (transferNumbers.length === 0) return [end];
  const transfer: Tool = {
    name: "transfer_call",
    description: "Puts the caller through to a person. Say so first.",
    parameters: {
      type: "object",
      properties: { number: { type: "string", enum: [...transferNumbers] } },
      required: ["number"],
    },
  };
  return [end, transfer];
}

/** As the model sees a tool of the customer's. */
export const shownTool = ({ name, description, parameters }: ToolDefinition): Tool => ({
  name,
  description,
  parameters,
});

export type ToolPlan =
  | { kind: "end" }
  | { kind: "transfer"; to: string }
  | { kind: "refuse"; why: "cannotTransfer" | "cannotDo" };

/** What follows from a tool that the model called. Only the agent's own numbers can be reached, whatever was said. */
export function planTool(
  call: { name: string; arguments: Record<string, unknown> | null },
  transferNumbers: readonly string[],
): ToolPlan {
  if (call.name === "end_call") return { kind: "end" };
  if (call.name !== "transfer_call") return { kind: "refuse", why: "cannotDo" };
  const number = call.arguments?.number;
  // A model that names none means the only one there is.
  const wanted = number === undefined && transferNumbers.length === 1 ? transferNumbers[0] : number;
  const to = transferNumbers.find((candidate) => candidate === wanted);
  return to === undefined ? { kind: "refuse", why: "cannotTransfer" } : { kind: "transfer", to };
}
