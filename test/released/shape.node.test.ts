import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { currentShape, migrations, OBJECT_TABLES, type Shape } from "./shape.ts";

// During a deployment, and after a rollback, two versions of the Worker share tables and objects. So from 1.0.0 on what
// was released stays, and is only added to. shape.json records it.

const RECORD = "test/released/shape.json";
const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const isReleased = Number.parseInt(version, 10) >= 1;

const DROPS =
  /\b(?:DROP\s+(?:TABLE|COLUMN)|RENAME\s+(?:TO|COLUMN)|DELETE\s+FROM|PRAGMA|ALTER\s+TABLE\s+\w+\s+DROP)\b/i;

/** What the record has and the code no longer has, by its path. */
function missing(recorded: unknown, present: unknown, path = ""): string[] {
  if (typeof recorded !== "object" || recorded === null) return recorded === present ? [] : [path];
  return Object.entries(recorded).flatMap(([key, value]) =>
    missing(value, (present as Record<string, unknown> | undefined)?.[key], `${path}/${key}`),
  );
}

/** Methods keep their parameters; new ones are optional. What they return stays. */
function brokenMethods(recorded: Shape["rpc"], present: Shape["rpc"]): string[] {
  return Object.entries(recorded).flatMap(([object, methods]) =>
    Object.entries(methods)
      .filter(([name, signature]) => {
        const now = present[object]?.[name];
        if (now === undefined) return true;
        const [, before = "", returned] = /^\((.*)\): (.*)$/.exec(signature) ?? [];
        const [, after = "", returns] = /^\((.*)\): (.*)$/.exec(now) ?? [];
        const added = after.slice(before.length);
        return !after.startsWith(before) || returned !== returns || !/^(?:(?:, )?\w+\?: [^,]+)*$/.test(added);
      })
      .map(([name]) => `${object}.${name}`),
  );
}

/** What a change would take from the version before it. */
const lost = (before: Shape, present: Shape): string[] => [
  ...missing(before.tables, present.tables),
  ...missing(before.versions, present.versions),
  ...brokenMethods(before.rpc, present.rpc),
];

const recorded = existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, "utf8")) as Shape) : currentShape();

describe("what a version leaves to the next one", () => {
  it("is recorded: `npx vitest run -u test/released` adds what is new, and takes nothing away", async () => {
    const shape = isReleased && lost(recorded, currentShape()).length > 0 ? recorded : currentShape();
    await expect(`${JSON.stringify(shape, null, 2)}\n`).toMatchFileSnapshot("shape.json");
  });

  it("is recognised: all objects, and their methods", () => {
    const { tables, rpc } = currentShape();
    expect(Object.keys(rpc).sort()).toEqual([
      "AccountPace",
      "Background",
      "BulkImport",
      "CallLog",
      "Conversation",
      "EventOutbox",
      "TextThread",
    ]);
    for (const methods of Object.values(rpc)) expect(Object.keys(methods)).not.toEqual([]);
    expect(rpc.AccountPace).toEqual({ turn: "(perSecond: number): Promise<Turn>" });
    expect(rpc.EventOutbox?.reseal).toContain("Promise<{ found: number;");
    expect(tables.D1?.phone_numbers).toMatchObject({ id: "TEXT", repairs: "INTEGER" });
  });
});

describe("the test of it", () => {
  const method = (signature: string) => ({ Pace: { turn: signature } });
  it.each([
    ["(a: string): void", "(a: string): void", []],
    ["(a: string): void", "(a: string, b?: number): void", []],
    ["(): void", "(b?: number): void", []],
    ["(a: string): void", "(a: string, b: number): void", ["Pace.turn"]],
    ["(a: string): void", "(b: string): void", ["Pace.turn"]],
    ["(a: string): void", "(a: string): number", ["Pace.turn"]],
  ])("%s to %s", (before, after, broken) => {
    expect(brokenMethods(method(before), method(after))).toEqual(broken);
  });

  it("sees what is dropped, renamed or of another type", () => {
    expect(missing({ t: { a: "TEXT", b: "TEXT" } }, { t: { a: "TEXT", c: "TEXT" } })).toEqual(["/t/b"]);
    expect(missing({ t: { a: "TEXT" } }, { t: { a: "REAL" } })).toEqual(["/t/a"]);
    expect(missing({ t: { a: "TEXT" } }, {})).toEqual(["/t/a"]);
    for (const text of ["DROP TABLE x", "ALTER TABLE x DROP COLUMN y", "ALTER TABLE x RENAME TO y"])
      expect(text).toMatch(DROPS);
    expect("ALTER TABLE x ADD COLUMN y TEXT; CREATE INDEX z ON x (y)").not.toMatch(DROPS);
  });
});

describe.skipIf(!isReleased)("from 1.0.0 on", () => {
  it("no migration, and no version of an object's tables, drops or renames", () => {
    const later = [migrations(), ...Object.values(OBJECT_TABLES)].flatMap((versions) => versions.slice(1));
    expect(later.filter((statements) => DROPS.test(statements))).toEqual([]);
  });

  it("every recorded table, column and method is still there, and no version of the tables was edited", () => {
    expect(lost(recorded, currentShape())).toEqual([]);
  });
});
