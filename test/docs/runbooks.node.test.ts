import { globSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";

// What an operator copies out of a runbook runs on the schema as it is, and no warning is without advice.

const read = (path: string) => readFileSync(path, "utf8");
const pages = globSync("docs/{runbooks/*,metrics}.md").map((path) => [path, read(path)] as const);

describe("the runbooks", () => {
  const commands = pages.flatMap(([path, text]) =>
    [...text.matchAll(/--command "([^"]+)"/g)].map(([, sql = ""]) => [path, sql] as const),
  );

  it("have SQL to look at", () => expect(commands.length).toBeGreaterThan(10));

  it.each(commands)("%s: %s", (_, sql) => {
    const database = new DatabaseSync(":memory:");
    for (const path of globSync("migrations/*.sql").sort()) database.exec(read(path));
    database.prepare(sql).all();
    database.close();
  });

  it("say of every warning and error of the log what to do", () => {
    const sources = globSync("src/**/*.ts").map(read).join("\n");
    const events = [...sources.matchAll(/(?:\.(?:warn|error)|\[level\])\(\s*"([a-z_]+)"/g)];
    const table = new Set(
      [
        ...`${read("docs/runbooks/first-aid.md")}\n${read("docs/runbooks/warnings.md")}`.matchAll(
          /^\| (.*?) \|/gm,
        ),
      ].flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, event]) => event)),
    );
    expect(events.length).toBeGreaterThan(30);
    expect(events.map(([, event]) => event).filter((event) => !table.has(event))).toEqual([]);
    // And each is written when it should be.
    const tests = globSync("test/**/*.test.ts").map(read).join("\n");
    expect(events.filter(([, event]) => !new RegExp(`\\b${event}\\b`).test(tests))).toEqual([]);
  });

  it("are all in the index", () => {
    const index = read("docs/runbooks/README.md");
    const names = globSync("*.md", { cwd: "docs/runbooks" }).filter((name) => name !== "README.md");
    for (const name of names) expect(index).toContain(`](${name})`);
  });
});
