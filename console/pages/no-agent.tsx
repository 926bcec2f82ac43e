import { href } from "../route.ts";
import type { Agent } from "../types.ts";
import { Empty } from "../ui.tsx";

/** Of several agents somebody chooses; nobody is guessed. */
export const onlyOf = (agentList: readonly Agent[]): string =>
  agentList.length === 1 ? (agentList[0]?.agent_id ?? "") : "";

export function NoAgent() {
  return (
    <Empty title="First, an agent">
      <p>A number needs somebody who answers it. A name and a first sentence are enough to begin with.</p>
      <a class="button primary" href={href("agents", "new")}>
        Create an agent
      </a>
    </Empty>
  );
}
