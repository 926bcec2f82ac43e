import type { ComponentChildren } from "preact";
import { href } from "../route.ts";
import { agents } from "../store.ts";
import type { Agent } from "../types.ts";
import { Content, Empty } from "../ui.tsx";

/** Of several agents somebody chooses; nobody is guessed. */
export const onlyOf = (agentList: readonly Agent[]): string =>
  agentList.length === 1 ? (agentList[0]?.agent_id ?? "") : "";

function NoAgent() {
  return (
    <Empty title="First, an agent">
      <p>A number needs somebody who answers it. A name and a first sentence are enough to begin with.</p>
      <a class="button primary" href={href("agents", "new")}>
        Create an agent
      </a>
    </Empty>
  );
}

/** What needs an agent: once the agents are loaded, and if there is one. */
export function WithAgents({ children }: { children: (agentList: Agent[]) => ComponentChildren }) {
  return <Content of={agents.use()}>{(list) => (list.length === 0 ? <NoAgent /> : children(list))}</Content>;
}
