import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { may } from "../may.ts";
import { href, keep } from "../route.ts";
import { agents, nameOf } from "../store.ts";
import { Button, Content, Pages, Problem, Tel, Title, textOf, When } from "../ui.tsx";
import { useAction, useEvery, useLoaded } from "../use.ts";
import { type CallQuery, CallState, CallTable, type Counted, duration, isLive } from "./call-table.tsx";

const PAGE = 50;

/** A filter by what somebody chose or typed; nothing is no filter. */
const filterOf = (name: "phone_number" | "direction", value: string): CallQuery =>
  value === "" ? {} : { [name]: value };

export function Calls({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<CallQuery>({
    ...filterOf("phone_number", query.get("phone_number") ?? ""),
    ...filterOf("direction", query.get("direction") ?? ""),
  });
  const [offset, setOffset] = useState(0);
  const [total, setTotal] = useState<Counted>({ count: 0 });
  const change = (name: "phone_number" | "direction", value: string) => {
    const { [name]: _, ...others } = filter;
    setFilter({ ...others, ...filterOf(name, value) });
    keep({ phone_number: filter.phone_number ?? "", direction: filter.direction ?? "", [name]: value });
    setOffset(0);
  };
  return (
    <>
      <Title>Calls</Title>
      <div class="filters">
        <input
          type="search"
          inputMode="tel"
          aria-label="Number"
          placeholder="One of your numbers, +44…"
          value={filter.phone_number ?? ""}
          onChange={(event) => change("phone_number", textOf(event).trim())}
        />
        <select
          aria-label="Direction"
          value={filter.direction ?? ""}
          onChange={(event) => change("direction", textOf(event))}
        >
          <option value="">In and out</option>
          <option value="inbound">Inbound</option>
          <option value="outbound">Outbound</option>
        </select>
      </div>
      <CallTable query={{ ...filter, limit: PAGE, offset }} onCount={setTotal} />
      <Pages
        of="calls"
        offset={offset}
        size={PAGE}
        total={total.count}
        isMinimum={total.count_is_minimum}
        onOffset={setOffset}
      />
    </>
  );
}

export function CallPage({ id }: { id: string }) {
  const path = { call_id: id };
  const agentList = agents.use().value;
  const loaded = useLoaded(() => api.getCall({ path }), [id]);
  const isRunning = loaded.value !== undefined && isLive(loaded.value);
  // A live call is followed while somebody looks.
  useEvery(3_000, isRunning, loaded.again);
  const hangUp = useAction(async () => {
    await api.hangUp({ path });
    loaded.again();
  });
  return (
    <>
      <p class="back">
        <a href={href("calls")}>Calls</a>
      </p>
      <Title>Call</Title>
      <Content of={loaded}>
        {(call) => (
          <>
            <section>
              <dl class="facts">
                <dt>Result</dt>
                <dd>
                  <CallState call={call} />
                </dd>
                <dt>From</dt>
                <dd>
                  <Tel of={call.from} />
                </dd>
                <dt>To</dt>
                <dd>
                  <Tel of={call.to} />
                </dd>
                <dt>Agent</dt>
                <dd>{nameOf(call.agent_id, agentList)}</dd>
                <dt>Started</dt>
                <dd>
                  <When at={call.started_at ?? call.created_at} />
                </dd>
                <dt>Length</dt>
                <dd>{duration(call.duration_seconds)}</dd>
                <dt>Call id</dt>
                <dd>
                  <code>{call.call_id}</code>
                </dd>
              </dl>
              <Problem error={hangUp.error} />
              {isRunning && may("number") && (
                <Button kind="danger" onClick={hangUp.run} isBusy={hangUp.isBusy}>
                  Hang up
                </Button>
              )}
            </section>
            <section>
              <h2>Recording</h2>
              <Recording id={call.recording_url === null ? null : call.call_id} />
            </section>
            <section>
              <h2>What was said</h2>
              {call.summary && <p>{call.summary}</p>}
              {call.transcript && call.transcript.length > 0 ? (
                <ol class="talk">
                  {call.transcript.map(({ role, text }, at) => (
                    <li key={at} class={role}>
                      <strong>{role === "caller" ? "Caller" : "Agent"}</strong> {text}
                    </li>
                  ))}
                </ol>
              ) : (
                <p class="quiet">
                  No transcript. There is one if the agent talks by itself and its setting{" "}
                  <code>transcript</code> is on, or if its runtime reports one.
                </p>
              )}
            </section>
          </>
        )}
      </Content>
    </>
  );
}

/** A recording is fetched with the session, when somebody wants to hear it. */
function Recording({ id }: { id: string | null }) {
  const [source, setSource] = useState("");
  const listen = useAction(async () => {
    if (id !== null) setSource(URL.createObjectURL(await api.getRecording({ path: { call_id: id } })));
  });
  useEffect(() => () => URL.revokeObjectURL(source), [source]);
  if (id === null) {
    return (
      <p class="quiet">Not recorded. Switch on “Record calls” for the agent to record its next calls.</p>
    );
  }
  return (
    <>
      <Problem error={listen.error} />
      {source === "" ? (
        <Button onClick={listen.run} isBusy={listen.isBusy}>
          Listen
        </Button>
      ) : (
        // biome-ignore lint/a11y/useMediaCaption: the transcript is below
        <audio src={source} controls autoplay />
      )}
    </>
  );
}
