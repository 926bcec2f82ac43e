import type { ComponentChildren } from "preact";
import { dayOf } from "./ui.tsx";

export type Column<Row> = {
  title: string;
  /** Seen by those who cannot see the page only. */
  isHidden?: true;
  /** Left out on a narrow screen. */
  isWide?: true;
  cell: (row: Row) => ComponentChildren;
};

/** Which rows can be chosen, and are. */
export type Choice<Row> = {
  title: ComponentChildren;
  /** What ticking a row does, in words; undefined if it has no tick. */
  labelOf: (row: Row) => string | undefined;
  isChosen: (row: Row) => boolean;
  onToggle: (row: Row) => void;
};

type TableOf<Row> = {
  caption: string;
  /** The first one names the row. */
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  choice?: Choice<Row> | undefined;
  /** When a row happened, newest first: those of one day stand under it. */
  happened?: (row: Row) => string;
};

/** Rows in groups that follow each other, each with its day. */
function byDay<Row>(rows: readonly Row[], happened: (row: Row) => string): { day: string; rows: Row[] }[] {
  const days: { day: string; rows: Row[] }[] = [];
  for (const row of rows) {
    const day = dayOf(happened(row));
    const last = days.at(-1);
    if (last?.day === day) last.rows.push(row);
    else days.push({ day, rows: [row] });
  }
  return days;
}

export function Table<Row>({ caption, columns, rows, keyOf, choice, happened }: TableOf<Row>) {
  const groups = happened ? byDay(rows, happened) : [{ day: "", rows }];
  return (
    <div class="table">
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {choice && (
              <th scope="col" class="tick">
                {choice.title}
              </th>
            )}
            {columns.map(({ title, isHidden, isWide }) => (
              <th key={title} scope="col" class={isWide && "wide"}>
                {isHidden ? <span class="hidden">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        {groups.map(({ day, rows: ofDay }) => (
          <tbody key={day}>
            {day !== "" && (
              <tr class="day">
                <th scope="rowgroup" colSpan={columns.length}>
                  {day}
                </th>
              </tr>
            )}
            {ofDay.map((row) => (
              <tr key={keyOf(row)}>
                {choice && <Tick choice={choice} row={row} />}
                {columns.map(({ title, isWide, isHidden, cell }, at) =>
                  at === 0 ? (
                    <th key={title} scope="row">
                      {cell(row)}
                    </th>
                  ) : (
                    <td key={title} class={isWide && "wide"} data-title={isHidden ? undefined : title}>
                      {cell(row)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Tick<Row>({ choice: { labelOf, isChosen, onToggle }, row }: { choice: Choice<Row>; row: Row }) {
  const label = labelOf(row);
  return (
    <td class="tick">
      {label !== undefined && (
        <input type="checkbox" aria-label={label} checked={isChosen(row)} onChange={() => onToggle(row)} />
      )}
    </td>
  );
}
