import { api } from "../api.ts";
import { href } from "../route.ts";
import { type Column, Table } from "../table.tsx";
import type { Call } from "../types.ts";
import { Content, Mark, Tel, When } from "../ui.tsx";
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

const happenedAt = ({ started_at, created_at }: Call): string => started_at ?? created_at;

const COLUMNS: Column<Call>[] = [
  {
    title: "When",
    cell: (call) => (
      <a href={href("calls", call.call_id)}>
        <When at={happenedAt(call)} isUnderDay />
      </a>
    ),
  },
  {
    title: "Call",
    cell: ({ direction, from, to }) => (
      <>
        {direction === "inbound" ? "in from" : "out from"} <Tel of={from} />{" "}
        <span class="line">
          to <Tel of={to} />
        </span>
      </>
    ),
  },
  { title: "Result", cell: (call) => <CallState call={call} /> },
  { title: "Length", isWide: true, cell: (call) => duration(call.duration_seconds) },
];

export type CallQuery = NonNullable<NonNullable<Parameters<typeof api.listCalls>[0]>["query"]>;

export type Counted = { count: number; count_is_minimum?: true };

/** A page of calls, newest first. */
export function CallTable({ query, onCount }: { query: CallQuery; onCount?: (of: Counted) => void }) {
  const loaded = useLoaded(async () => {
    const answer = await api.listCalls({ query });
    onCount?.(answer);
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
          <Table
            caption="Calls, newest first"
            columns={COLUMNS}
            rows={calls}
            keyOf={({ call_id }) => call_id}
            happened={happenedAt}
          />
        )
      }
    </Content>
  );
}
