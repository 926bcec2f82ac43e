import { api } from "../api.ts";
import { href } from "../route.ts";
import type { Call } from "../types.ts";
import { Content, Mark, When } from "../ui.tsx";
import { useLoaded } from "../use.ts";

const FAILED: ReadonlySet<string> = new Set(["busy", "failed", "no-answer", "canceled"]);

export const isLive = ({ status }: Call): boolean =>
  ["queued", "initiated", "ringing", "in-progress"].includes(status);

export function CallState({ call }: { call: Call }) {
  const tone = FAILED.has(call.status) ? "bad" : isLive(call) ? "warn" : "good";
  return <Mark tone={tone}>{(call.ended_reason ?? call.status).replaceAll("_", " ")}</Mark>;
}

export function duration(seconds: number | null): string {
  return seconds === null ? "–" : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export type CallQuery = NonNullable<NonNullable<Parameters<typeof api.listCalls>[0]>["query"]>;

/** A page of calls, newest first. */
export function CallTable({ query, onCount }: { query: CallQuery; onCount?: (count: number) => void }) {
  const loaded = useLoaded(async () => {
    const answer = await api.listCalls({ query });
    onCount?.(answer.count);
    return answer;
  }, [JSON.stringify(query)]);
  return (
    <Content of={loaded}>
      {({ calls }) =>
        calls.length === 0 ? (
          <p class="quiet">
            No calls here yet. Ring the number, and the call appears as soon as it is answered.
          </p>
        ) : (
          <div class="table">
            <table>
              <caption class="hidden">Calls, newest first</caption>
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">From</th>
                  <th scope="col" class="wide">
                    To
                  </th>
                  <th scope="col">Result</th>
                  <th scope="col" class="wide">
                    Length
                  </th>
                </tr>
              </thead>
              <tbody>
                {calls.map((call) => (
                  <tr key={call.call_id}>
                    <th scope="row">
                      <a href={href("calls", call.call_id)}>
                        <When at={call.started_at ?? call.created_at} />
                      </a>
                    </th>
                    <td>{call.from}</td>
                    <td class="wide">{call.to}</td>
                    <td>
                      <CallState call={call} />
                    </td>
                    <td class="wide">{duration(call.duration_seconds)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )
      }
    </Content>
  );
}
