import { useEffect, useRef, useState } from "preact/hooks";
import { AgentField } from "../agent-field.tsx";
import { api, NixflexError } from "../api.ts";
import { type Outcome, runMany } from "../run-many.ts";
import { agents } from "../store.ts";
import { Button, count, Dialog, Progressing } from "../ui.tsx";

export type ManyAct = "move" | "check" | "release";

const WORDS: Record<ManyAct, { title: string; go: string; about: string }> = {
  move: {
    title: "Move to another agent",
    go: "Move",
    about: "The next call to each is answered by that agent.",
  },
  check: {
    title: "Check at Twilio",
    go: "Check",
    about: "Each is compared with Twilio now, and repaired if it may be.",
  },
  release: {
    title: "Release",
    go: "Release",
    about:
      "What answered each number before its import is restored at Twilio, and it is deleted here. You keep the numbers at Twilio.",
  },
};

/** Does one thing with many numbers, and shows how far it is and what failed. */
export function ManyDialog({
  act,
  phoneNumbers,
  onClose,
}: {
  act: ManyAct;
  phoneNumbers: string[];
  onClose: (succeeded: string[]) => void;
}) {
  const agentList = agents.use().value ?? [];
  const [agentId, setAgentId] = useState("");
  const [done, setDone] = useState<Outcome[]>([]);
  const [state, setState] = useState<"asking" | "running" | "over">("asking");
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const { title, go, about } = WORDS[act];

  const acts: Record<ManyAct, (number: string) => Promise<unknown>> = {
    move: (number) => api.changePhoneNumber({ path: { number }, body: { agent_id: agentId } }),
    check: (number) => api.checkPhoneNumber({ path: { number } }),
    release: (number) => api.releasePhoneNumber({ path: { number } }),
  };
  const start = async () => {
    setState("running");
    await runMany(phoneNumbers, acts[act], setDone, stop.current.signal);
    setState("over");
  };
  const failed = done.filter(({ error }) => error !== undefined);
  const close = () => onClose(done.flatMap(({ item, error }) => (error === undefined ? [item] : [])));

  return (
    <Dialog title={`${title}: ${count(phoneNumbers.length, "number")}`} onClose={close}>
      <p>{about}</p>
      {act === "move" && (
        <AgentField none="Choose an agent" agentList={agentList} agentId={agentId} onChoice={setAgentId} />
      )}
      {state !== "asking" && (
        <>
          <progress aria-label="Progress" max={phoneNumbers.length} value={done.length} />
          <Progressing isOver={state === "over"}>
            {`${done.length} of ${phoneNumbers.length} done${failed.length > 0 ? `, ${failed.length} failed` : ""}`}
          </Progressing>
        </>
      )}
      {failed.length > 0 && (
        <ul class="failures">
          {failed.slice(0, 50).map(({ item, error }) => (
            <li key={item}>
              <strong>{item}</strong>: {error instanceof NixflexError ? error.message : "no answer"}
            </li>
          ))}
        </ul>
      )}
      <div class="actions">
        {state === "asking" && (
          <Button
            kind={act === "release" ? "danger" : "primary"}
            isDisabled={act === "move" && agentId === ""}
            onClick={() => void start()}
          >
            {go} {count(phoneNumbers.length, "number")}
          </Button>
        )}
        <Button onClick={close}>
          {state === "asking" ? "Cancel" : state === "running" ? "Stop" : "Close"}
        </Button>
      </div>
    </Dialog>
  );
}
