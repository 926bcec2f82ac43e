import type { Agent } from "./types.ts";
import { Field, textOf } from "./ui.tsx";

type Choice = {
  label?: string;
  hint?: string;
  /** What stands for no choice; without it there is always one. */
  none?: string;
  isRequired?: boolean;
  agentList: readonly Agent[];
  agentId: string;
  onChoice: (agentId: string) => void;
};

/** A choice of one of the key's agents. */
export function AgentField({
  label = "Agent",
  hint,
  none,
  isRequired = false,
  agentList,
  agentId,
  onChoice,
}: Choice) {
  return (
    <Field label={label} name="agent_id" {...(hint !== undefined && { hint })}>
      {(ids) => (
        <select {...ids} required={isRequired} value={agentId} onChange={(event) => onChoice(textOf(event))}>
          {none !== undefined && <option value="">{none}</option>}
          {agentList.map(({ agent_id, name }) => (
            <option key={agent_id} value={agent_id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
