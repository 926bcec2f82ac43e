import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TABLES as BULK_IMPORT } from "../../src/bulk-imports/tables-store.ts";
import { TABLES as CALL_LOG } from "../../src/call-log/schema.ts";
import { TABLES as EVENT_OUTBOX } from "../../src/events/outbox/schema.ts";

/** What a deployed version leaves to the next one: the columns of tables, and the methods of objects. */
export type Shape = {
  /** Database or class, then table, then column: its type. */
  tables: Record<string, Record<string, Record<string, string>>>;
  /** Database or class: the digest of each version of its tables, which nobody edits once it was carried out somewhere. */
  versions: Record<string, string[]>;
  /** Class, then method: its parameters and what it returns. */
  rpc: Record<string, Record<string, string>>;
};

export const OBJECT_TABLES = { BulkImport: BULK_IMPORT, CallLog: CALL_LOG, EventOutbox: EVENT_OUTBOX };

export const migrations = (): string[] =>
  globSync("migrations/*.sql")
    .sort()
    .map((path) => readFileSync(path, "utf8"));

export function currentShape(): Shape {
  const all = Object.entries({ D1: migrations(), ...OBJECT_TABLES });
  const digest = (statements: string) => createHash("sha256").update(statements).digest("hex");
  return {
    tables: Object.fromEntries(all.map(([name, versions]) => [name, columnsOf(versions)])),
    versions: Object.fromEntries(all.map(([name, versions]) => [name, versions.map(digest)])),
    rpc: Object.fromEntries(objectFiles().map(([name, file]) => [name, methodsOf(file)])),
  };
}

function columnsOf(statements: readonly string[]): Record<string, Record<string, string>> {
  const db = new DatabaseSync(":memory:");
  for (const statement of statements) db.exec(statement);
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
  return Object.fromEntries(
    tables.map(({ name }) => {
      const columns = db.prepare(`PRAGMA table_info(${name})`).all();
      return [String(name), Object.fromEntries(columns.map((column) => [column.name, String(column.type)]))];
    }),
  );
}

function objectFiles(): [name: string, file: string][] {
  const index = readFileSync("src/index.ts", "utf8");
  return [...index.matchAll(/^export \{ (\w+) \} from "(.+)";$/gm)].map(([, name = "", path = ""]) => [
    name,
    join("src", path),
  ]);
}

/** The runtime calls these, with arguments of its own. */
const RUNTIME = ["constructor", "alarm", "fetch", "webSocketMessage", "webSocketClose", "webSocketError"];

/** The public methods in a file that holds one class, and those that it inherits, by their text. */
function methodsOf(file: string): Record<string, string> {
  const text = readFileSync(file, "utf8");
  const [, parent] = /class \w+ extends (\w+)/.exec(text) ?? [];
  const [, path] = new RegExp(`import \\{[^}]*\\b${parent}\\b[^}]*\\} from "(\\..+)";`).exec(text) ?? [];
  const methods = path ? methodsOf(join(dirname(file), path)) : {};
  const declared = /^ {2}(?:override )?(?:async )?([a-z]\w*)(\((?:[^()]|\([^()]*\))*\): .+?) \{$/gm;
  for (const [, name = "", signature = ""] of text.matchAll(declared)) {
    const oneLine = signature.replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(", )", ")");
    if (!RUNTIME.includes(name)) methods[name] = oneLine;
  }
  return methods;
}
