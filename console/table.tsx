import type { ComponentChildren } from "preact";

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
};

export function Table<Row>({ caption, columns, rows, keyOf, choice }: TableOf<Row>) {
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
        <tbody>
          {rows.map((row) => (
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
