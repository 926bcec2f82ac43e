import { useState } from "preact/hooks";
import { type Column, Table } from "./table.tsx";
import type { Usage } from "./types.ts";
import { count } from "./ui.tsx";

/** Its text keeps its size, so a narrow screen has a narrow picture with fewer dates. */
const SIZES = { wide: { width: 720, dates: 6 }, narrow: { width: 320, dates: 3 } };
const NARROW_PX = 600;
const HEIGHT = 160;
const BASE = HEIGHT - 22;

/** The next round number that is even: there are no half calls in the middle of the axis. */
export function ceiling(value: number): number {
  const size = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [2, 4, 6, 8, 10].map((step) => step * size).find((step) => step >= value) ?? value;
}

const COLUMNS: Column<Usage["days"][number]>[] = [
  { title: "Day (UTC)", cell: ({ date }) => date },
  { title: "Calls", cell: ({ calls }) => calls },
  { title: "Minutes", cell: ({ minutes }) => Math.round(minutes) },
  { title: "Texts", cell: ({ sms }) => sms },
];

/** Calls and texts by day as bars, and the same as a table. */
export function Chart({ days }: { days: Usage["days"] }) {
  const [isTable, setTable] = useState(false);
  const top = ceiling(Math.max(...days.map(({ calls, sms }) => Math.max(calls, sms)), 4));
  const { width, dates } = globalThis.innerWidth < NARROW_PX ? SIZES.narrow : SIZES.wide;
  const slot = (width - 36) / Math.max(days.length, 1);
  const bar = Math.max(1, slot * 0.36);
  const y = (value: number) => BASE - (value / top) * (BASE - 10);
  const every = Math.ceil(days.length / dates);
  const total = (name: "calls" | "sms") => days.reduce((sum, day) => sum + day[name], 0);
  return (
    <figure class="chart">
      <figcaption>
        <span class="calls">Calls</span> <span class="texts">Texts</span>
        <button type="button" aria-expanded={isTable} onClick={() => setTable(!isTable)}>
          {isTable ? "Hide the table" : "As a table"}
        </button>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={`By day: ${count(total("calls"), "call")} and ${count(total("sms"), "text")} in ${days.length} days`}
      >
        {[0, top / 2, top].map((value) => (
          <g key={value}>
            <line x1={36} x2={width} y1={y(value)} y2={y(value)} />
            <text x={30} y={y(value) + 4} text-anchor="end">
              {value.toLocaleString("en")}
            </text>
          </g>
        ))}
        {days.map(({ date, calls, sms }, at) => {
          const x = 36 + at * slot + (slot - 2 * bar) / 2;
          return (
            <g key={date}>
              <title>{`${date}: ${count(calls, "call")}, ${count(sms, "text")}`}</title>
              <rect class="calls" x={x} y={y(calls)} width={bar} height={BASE - y(calls)} />
              <rect class="texts" x={x + bar} y={y(sms)} width={bar} height={BASE - y(sms)} />
              {at % every === 0 && (
                <text x={x} y={HEIGHT - 4}>
                  {date.slice(5)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      {isTable && (
        <Table
          caption="Calls and texts by day"
          columns={COLUMNS}
          rows={days.toReversed()}
          keyOf={({ date }) => date}
        />
      )}
    </figure>
  );
}
