import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

// The rules of the house, held by a test: docs/architecture.md says why.

const sources = globSync("src/**/*.ts").map((path) => ({ path, text: readFileSync(path, "utf8") }));
const tests = globSync("test/**/*.ts").map((path) => readFileSync(path, "utf8"));

/**
 * Every feature, and which others it may know. Each may know the foundation and the files of src itself, but not the app or
 * what starts work (below). An edge that is not here is a decision: take it here first, and say why in the commit.
 */
const EDGES: Record<string, readonly string[]> = {
  rotation: ["phone-numbers", "twilio-accounts", "events"],
  "bulk-imports": ["phone-numbers", "twilio-accounts", "agents", "api-keys"],
  reconciliation: ["phone-numbers", "twilio-accounts", "events", "api-keys"],
  "phone-numbers": ["twilio-accounts", "events", "agents", "api-keys"],
  // A link's customer connects an account and imports its numbers, by the same functions as the key's owner.
  "connect-links": ["phone-numbers", "twilio-accounts", "events", "agents", "api-keys"],
  outbound: ["twilio-accounts", "api-keys", "call-log", "agents"],
  answering: [
    "twilio-accounts",
    "events",
    "agents",
    "conversations",
    "texting",
    "tools",
    "call-log",
    "phone-numbers",
  ],
  conversations: ["agents", "tools"],
  // A customer's server is asked by a POST that is signed and sent as an event is, and may name an agent of his.
  tools: ["agents", "events"],
  trying: ["call-log", "conversations", "agents", "api-keys", "phone-numbers", "tools"],
  // A text is answered by the same model as a call, in a thread of its own.
  // What its customer says of a text is laid over what is the number's own.
  texting: ["conversations", "agents", "events", "twilio-accounts", "tools", "phone-numbers"],
  // A customer connects his account with his key.
  "twilio-accounts": ["events", "api-keys"],
  events: ["agents", "api-keys"],
  // Whoever makes an agent is told that the limit is near, in the same transaction.
  agents: ["api-keys", "events", "tools"],
  "api-keys": [],
  // Whether a runtime led a call is its agent's `connect`.
  "call-log": ["events", "twilio-accounts", "api-keys", "agents"],
  // A tool call is a request to the app, which the app passes in: so it knows no feature but who the caller is.
  mcp: ["api-keys"],
  documentation: [],
};
/** The same inside phone-numbers; "" is the room itself, which knows its sagas by their doors. */
const SAGA_EDGES: Record<string, readonly string[]> = {
  "": ["import", "preview", "release"],
  recovery: ["", "import", "release"],
  preview: ["", "import"],
  import: ["", "release"],
  release: [""],
};
const FEATURES = Object.keys(EDGES);
const FOUNDATION = ["http", "twilio", "vault", "model"];

const room = (path: string) => path.split("/")[1] ?? "";

function importsOf({ path, text }: { path: string; text: string }): string[] {
  return [...text.matchAll(/(?:from |import\()"(\.[^"]+)"/g)].map(([, target]) =>
    normalize(join(dirname(path), target ?? "")),
  );
}

/** The file, and all that it imports, directly or not. */
function reachable(file: string, known = new Set<string>()): Set<string> {
  const source = sources.find(({ path }) => path === file);
  if (!source || known.has(file)) return known;
  known.add(file);
  for (const target of importsOf(source)) reachable(target, known);
  return known;
}

/** The files whose code, comments aside, matches. */
function filesWith(pattern: RegExp): string[] {
  return sources
    .filter(({ text }) => pattern.test(text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")))
    .map(({ path }) => path)
    .sort();
}

/** Which features each knows, directly. */
function edgesBetween(placeOf: (path: string) => string | undefined): Record<string, string[]> {
  const edges: Record<string, string[]> = {};
  for (const source of sources) {
    const from = placeOf(source.path);
    if (from === undefined) continue;
    const others = importsOf(source)
      .map(placeOf)
      .filter((to) => to !== undefined && to !== from);
    edges[from] = [...new Set([...(edges[from] ?? []), ...(others as string[])])];
  }
  return edges;
}

const sorted = (edges: Record<string, readonly string[]>) =>
  Object.fromEntries(Object.entries(edges).map(([from, to]) => [from, [...to].sort()]));

describe("imports point down only", () => {
  it("the foundation knows no feature", () => {
    const upward = sources
      .filter(({ path }) => FOUNDATION.includes(room(path)))
      .flatMap((source) => importsOf(source).filter((target) => FEATURES.includes(room(target))));
    expect(upward).toEqual([]);
  });

  it("each feature knows the features that it may know, and no list is longer than the truth", () => {
    const place = (path: string) => (FEATURES.includes(room(path)) ? room(path) : undefined);
    expect(sorted(edgesBetween(place))).toEqual(sorted(EDGES));
  });

  it("and so do the sagas of phone-numbers", () => {
    const place = (path: string) => {
      if (room(path) !== "phone-numbers") return undefined;
      const [, , folder, file] = path.split("/");
      return file === undefined ? "" : folder;
    };
    expect(sorted(edgesBetween(place))).toEqual(sorted(SAGA_EDGES));
  });

  it("no two files import each other, types included, be it through others", () => {
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" > "));
      const source = sources.find((candidate) => candidate.path === path);
      if (!source || done.has(path) || trail.includes(path)) return;
      for (const target of importsOf(source)) walk(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of sources) walk(path, []);
    expect(circles).toEqual([]);
  });

  it("vault knows nothing but itself and ids", () => {
    const others = sources
      .filter(({ path }) => room(path) === "vault")
      .flatMap((source) => importsOf(source).filter((target) => room(target) !== "vault"));
    expect([...new Set(others)]).toEqual(["src/ids.ts"]);
  });

  it("a fresh isolate builds no schema before its first call", () => {
    // What it evaluates: whatever index.ts imports, directly or not, but for types and `import()`.
    const eager = new Set(["src/index.ts"]);
    for (const path of eager) {
      const text = sources.find((source) => source.path === path)?.text ?? "";
      for (const [, target = ""] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.[^"]+)";$/gm))
        eager.add(normalize(join(dirname(path), target)));
    }
    const builders = sources.filter(
      ({ path, text }) => eager.has(path) && /^import (?!type ).*from "zod/m.test(text),
    );
    expect(builders.map(({ path }) => path)).toEqual([]);
    expect(eager.has("src/answering/routes.ts")).toBe(true);
  });

  it("only index.ts knows the app, and nobody knows index.ts", () => {
    const importers = (file: string) => sources.filter((source) => importsOf(source).includes(file));
    expect(importers("src/app.ts").map(({ path }) => path)).toEqual(["src/index.ts"]);
    expect(importers("src/index.ts")).toEqual([]);
  });

  it("the Worker runs all of src, and imports nothing else but its version and a table", () => {
    const others = sources.flatMap((source) => importsOf(source).filter((path) => !path.startsWith("src/")));
    expect(others.sort()).toEqual(["data/countries.json", "package.json"]);
    const bundled = reachable("src/index.ts");
    expect(sources.map(({ path }) => path).filter((path) => !bundled.has(path))).toEqual([]);
  });

  it("every folder of src is a feature or part of the foundation", () => {
    const folders = new Set(sources.map(({ path }) => room(path)).filter((name) => !name.endsWith(".ts")));
    expect([...folders].sort()).toEqual([...FEATURES, ...FOUNDATION].sort());
  });
});

/** The parts of queries that are put in by name; each is a constant of its file. */
const CONSTANT_HOLES: Record<string, string[]> = {
  "src/call-log/transcripts-store.ts": ["table"],
  "src/call-log/usage-store.ts": ["name"],
  "src/counted-store.ts": ["table"],
  "src/rotation/store.ts": ["table", "column", "key", "name"],
};

describe("each thing has one owner", () => {
  it.each<[string, RegExp, RegExp]>([
    [
      "requests to other hosts",
      /(?<![\w.]|async )fetch\(/,
      /^src\/twilio\/http\.ts$|^src\/events\/post\.ts$|^src\/model\/openai-compatible\.ts$/,
    ],
    [
      "SQL",
      /\.prepare\(|\bsql\s*\.exec\b|\bsql\(db\)|\bexec(?:<[^`]*>)?\(sql\)|\bpart`/,
      /store\.ts$|^src\/(?:database|healthz|objects|events\/outbox\/schema)\.ts$/,
    ],
    ["cryptography", /crypto\.subtle/, /^src\/vault\/|\/signature\.ts$/],
    ["the static assets", /env\.ASSETS\.fetch/, /^src\/documentation\/routes\.ts$|^src\/mcp\/catalogue\.ts$/],
    ["console.log and its kind", /\bconsole\b[.;,]/, /^src\/http\/log\.ts$/],
    [
      "the bindings",
      /\benv\.(?!(?:DB|EVENT_OUTBOX|RECONCILIATION|CONVERSATIONS|TEXT_THREADS|CALL_LOG|ACCOUNT_PACE|BULK_IMPORTS|BACKGROUND|ASSETS|VERSION|READ_LIMIT|WRITE_LIMIT|SENDING_LIMIT|WEBHOOK_LIMIT)\b)/,
      /^src\/config\.ts$|^src\/http\/metrics\.ts$/,
    ],
  ])("%s", (_, pattern, owner) => {
    expect(filesWith(pattern).filter((path) => !owner.test(path))).toEqual([]);
  });

  it("no secret can end up in module state by accident: there is none but five caches and a count", () => {
    expect(filesWith(/^(?:let|var) /m)).toEqual(["src/vault/ids.ts", "src/vault/keyring.ts"]);
    expect(filesWith(/^(?:export )?const \w+ = new (?:Weak)?(?:Map|Set)/m)).toEqual([
      "src/answering/ask-first.ts",
      "src/answering/refusals.ts",
      "src/answering/route-cache.ts",
      "src/config.ts",
      "src/events/tell.ts",
      "src/model/openai-compatible.ts",
      "src/parts.ts",
    ]);
  });

  it("no query is put together from values", () => {
    for (const { path, text } of sources.filter(({ path }) => path.endsWith("store.ts"))) {
      // What stands in a tagged template is bound, but for names that `raw` lets in.
      const untagged = text.replace(
        /\b(?:sql\(\s*db,?\s*\)|part|exec(?:<[^`(]*>)?\(sql\))`[^`]*`/g,
        (template) => template.replaceAll("${", "{"),
      );
      const holes = [...untagged.matchAll(/\$\{(\w+)\}|\braw\((\w+)/g)].map(([, name, raw]) => name ?? raw);
      expect([...new Set(holes)], path).toEqual(CONSTANT_HOLES[path] ?? []);
    }
  });
});

describe("promises", () => {
  // The linter does not see that these methods have one.
  const OWNERS = "callLogs|outbox|paces|vault|db|queues\\.\\w+|storage";
  const floating = new RegExp(
    `(?:[;{}]|\\belse|^\\s*(?:if|for) \\(.*\\))\\s+(?:[\\w.#?]+\\.)?(?:${OWNERS})\\??\\.(?!transactionSync)\\w+\\(`,
    "m",
  );

  it.each([
    ["await services.outbox.accept(key, events);", false],
    ["{\n  services.outbox.accept(key, events);", true],
    ["  if (isNew) callLogs.note(key, id);", true],
    ["  const a = 1;\n  this.ctx.storage.setAlarm(a);", true],
    ["  Promise.all([\n    vault.open(sealed, slot),", false],
  ])("%j floats: %s", (text, isFloating) => {
    expect(floating.test(text)).toBe(isFloating);
  });

  it("are all waited for, or given to somebody", () => {
    expect(filesWith(floating)).toEqual([]);
  });
});

describe("size", () => {
  it("no file of src is longer than 250 lines, tables aside", () => {
    const withoutTables = (text: string) =>
      text.replace(/^(?:export )?const \w+ = \{\n[\s\S]*?^\} as const/gm, "");
    const long = sources.filter(({ text }) => withoutTables(text).split("\n").length > 250);
    expect(long.map(({ path }) => path)).toEqual([]);
  });
});

describe("errors", () => {
  it("every code of the catalogue is thrown somewhere and expected by a test", () => {
    const files = ["src/http/errors.ts"];
    const catalogue = files.map((path) => readFileSync(path, "utf8")).join("\n");
    const codes = [...catalogue.matchAll(/^ {2}(\w+): \{/gm)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(20);
    const bundled = reachable("src/index.ts");
    for (const code of codes) {
      const quoted = new RegExp(`"${code}"`);
      expect(
        sources.filter(({ path, text }) => bundled.has(path) && !files.includes(path) && quoted.test(text)),
        code,
      ).not.toEqual([]);
      expect(
        tests.filter((text) => quoted.test(text)),
        code,
      ).not.toEqual([]);
    }
  });
});
