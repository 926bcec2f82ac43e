import type { Model } from "../model/model.ts";
import { countTurns, mayTake, type Services } from "../services.ts";
import { callTool, type Occasion } from "../tools/call.ts";
import type { Around } from "./dialogue.ts";
import type { Opening } from "./state.ts";

/** What a dialogue asks of others, wherever it is led. @param services not read before they are needed */
export const outside = (
  services: () => Services,
  model: () => Model | null,
): Pick<Around, "model" | "callTool" | "begin" | "take"> => ({
  model,
  callTool(opening, tool, call) {
    const around = services();
    const answer = callTool(tool, call, opening.apiKeyId, occasionOf(opening), around);
    // It goes on, though the caller hangs up.
    around.defer(answer.catch(() => undefined));
    return answer;
  },
  begin: ({ apiKeyId }, turns) => countTurns(apiKeyId, turns, services()),
  take: ({ apiKeyId, limits }, kind) => mayTake(kind, apiKeyId, limits, services()),
});

/** What a tool is called for. */
function occasionOf(opening: Opening): Occasion {
  const { agent, phoneNumber, callSid, isOutbound, from } = opening;
  const about = { number: opening, agent_id: agent.id, call_id: callSid };
  if (isOutbound) return { ...about, direction: "outbound", from: phoneNumber, to: from };
  return { ...about, direction: "inbound", from: from || "unknown", to: phoneNumber };
}
