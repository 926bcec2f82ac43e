import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const workflows = globSync(".github/workflows/*.yml").map(
  (path) => [path, readFileSync(path, "utf8")] as const,
);

it("has a workflow that runs .ci/run, and one that deploys", () => {
  const text = workflows.map(([, content]) => content).join("");
  for (const command of ["- run: .ci/run", "- run: npm run deploy"]) expect(text).toContain(command);
});

it("has one version for the Worker and its clients, of which the changelog tells", () => {
  const [worker, client] = ["package.json", "sdk/package.json"].map(
    (path) => JSON.parse(readFileSync(path, "utf8")).version,
  );
  expect(client).toBe(worker);
  expect(readFileSync("CHANGELOG.md", "utf8")).toContain(`## [${worker}]`);
});

it("takes nothing from a cache into what it publishes or deploys", () => {
  for (const [path, text] of workflows.filter(([path]) => !path.endsWith("/ci.yml"))) {
    const caches = text.match(/uses: actions\/setup-node@.*\n +with:\n(?: {10}.+\n)*/g) ?? [];
    expect(caches.length, path).toBeGreaterThan(0);
    for (const node of caches) expect(node, path).toContain("package-manager-cache: false");
  }
});

it.each(workflows)("%s may only read the repository, and pins what it uses to a commit", (_, text) => {
  const permissions = [...text.matchAll(/^( *)permissions:\n((?:\1 {2}.+\n)+)/gm)].map(([, , allowed]) =>
    allowed?.trim(),
  );
  // Who publishes proves to the registry who they are, and needs no token: https://docs.npmjs.com/trusted-publishers
  const publishes = text.match(/npm publish|pypi-publish/g) ?? [];
  expect(permissions).toEqual(["contents: read", ...publishes.map(() => "id-token: write")]);
  const uses = text.match(/uses: .+/g) ?? [];
  expect(uses.length).toBeGreaterThan(0);
  for (const use of uses) expect(use).toMatch(/^uses: [\w/-]+@[0-9a-f]{40} # v/);
});
