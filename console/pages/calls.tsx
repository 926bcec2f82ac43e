import { useEffect, useState } from "preact/hooks";
import { ask, download } from "../api.ts";
import { href } from "../route.ts";
import { agents, nameOf } from "../store.ts";
import { Button, Content, Problem, textOf, When } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { type Call, type CallQuery, CallState, CallTable, duration, isLive } from "./call-table.tsx";

const PAGE = 50;

export function Calls({ query }: { query: URLSearchParams }) {
  const [filter, setFilter] = useState<CallQuery>({ phone_number: query.get("phone_number") ?? "" });
  const [offset, setOffset] = useState(0);
  const [total, setTotal] = useState(0);
  const change = (part: CallQuery) => {
    setFilter({ ...filter, ...part });
    setOffset(0);
  };
  return (
    <>
      <h1>Calls</h1>
      <div class="filters">
        <input
          type="search"
          aria-label="Number"
          placeholder="One of your numbers, +44…"
          value={filter.phone_number}
          onChange={(event) => change({ phone_number: textOf(event).trim() })}
        />
        <select aria-label="Direction" onChange={(event) => change({ direction: textOf(event) })}>
          <option value="">In and out</option>
          <option value="inbound">Inbound</option>
          <option value="outbound">Outbound</option>
        </select>
      </div>
      <CallTable query={{ ...filter, limit: PAGE, offset }} onCount={setTotal} />
      {total > PAGE && (
        <nav class="pages" aria-label="Pages of calls">
          <Button isDisabled={offset === 0} onClick={() => setOffset(offset - PAGE)}>
            Newer
          </Button>
          <span>
            {offset + 1} to {Math.min(offset + PAGE, total)} of {total}
          </span>
          <Button isDisabled={offset + PAGE >= total} onClick={() => setOffset(offset + PAGE)}>
            Older
          </Button>
        </nav>
      )}
    </>
  );
}

export function CallPage({ id }: { id: string }) {
  const path = `/v1/calls/${encodeURIComponent(id)}`;
  const agentList = agents.use().value;
  const loaded = useLoaded(() => ask<Call>("GET", path), [id]);
  const isRunning = loaded.value !== undefined && isLive(loaded.value);
  // A live call is followed while somebody looks.
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(loaded.again, 3_000);
    return () => clearInterval(timer);
  }, [isRunning, loaded.again]);
  const hangUp = useAction(async () => {
    await ask("POST", `${path}/hangup`);
    loaded.again();
  });
  return (
    <>
      <p class="back">
        <a href={href("calls")}>Calls</a>
      </p>
      <h1>Call</h1>
      <Content of={loaded} missing="This deployment keeps no calls.">
        {(call) => (
          <>
            <section>
              <dl class="facts">
                <dt>Result</dt>
                <dd>
                  <CallState call={call} />
                </dd>
                <dt>From</dt>
                <dd>{call.from}</dd>
                <dt>To</dt>
                <dd>{call.to}</dd>
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
              {isRunning && (
                <Button kind="danger" onClick={hangUp.run} isBusy={hangUp.isBusy}>
                  Hang up
                </Button>
              )}
            </section>
            <section>
              <h2>Recording</h2>
              <Recording url={call.recording_url} />
            </section>
            <section>
              <h2>What was said</h2>
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
                  <code>transcript</code> is on.
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
function Recording({ url }: { url: string | null }) {
  const [source, setSource] = useState("");
  // The URL has the deployment's public name; this page may have been reached by another one.
  const listen = useAction(async () =>
    setSource(URL.createObjectURL(await download(new URL(url ?? "").pathname))),
  );
  useEffect(() => () => URL.revokeObjectURL(source), [source]);
  if (url === null) {
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
