/**
 * How SQLite would carry out a statement, one step a line.
 * https://www.sqlite.org/eqp.html
 */
export async function explain(db: D1Database, sql: string): Promise<string[]> {
  const parameters = Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, index]) => Number(index)));
  const { results } = await db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...Array(parameters).fill(null))
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

/**
 * The steps of a plan that grow with the table and not with the answer: reading every row, of the table or of an index,
 * and sorting in a temporary B-tree. Rows that come from the statement itself cost nothing, nor does the first row of
 * a table, or a page of all in the order of an index, what a recursive query has found so far, and what an aggregate such as json_group_array sorts is the few rows it puts together.
 */
export function costlySteps(sql: string, plan: readonly string[]): string[] {
  let outer = sql;
  while (/\([^()]*\)/.test(outer)) outer = outer.replace(/\([^()]*\)/g, "");
  const takesTheFirst = /\bLIMIT (?:\d+|\?\d+ OFFSET \?\d+)\s*$/.test(sql) && !/\bWHERE\b/.test(outer);
  const found = [...sql.matchAll(/WITH RECURSIVE (\w+)/g)].map(([, name]) => `SCAN ${name}`);
  return plan.filter(
    (step) =>
      (isScan(step) && !takesTheFirst && !found.includes(step)) || /USE TEMP B-TREE FOR (?!\w+\()/.test(step),
  );
}

function isScan(step: string): boolean {
  return /^SCAN /.test(step) && !/^SCAN (?:CONSTANT ROW|\d+ CONSTANT ROWS|\w+ VIRTUAL TABLE)/.test(step);
}
