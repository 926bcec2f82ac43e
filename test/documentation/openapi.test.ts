import { describe, expect, it } from "vitest";
import { CODES_OUTSIDE_OPERATIONS } from "../../reference/openapi.ts";
import { app } from "../../src/app.ts";
import { errorCatalogue } from "../../src/http/errors.ts";
import { document, expectDocumented, faultsOf, operations } from "../support/document.ts";
import { authorization, BASE, createKey, send } from "../support/worker.ts";

const codesOf = (operation: (typeof operations)[number]) =>
  Object.values(operation.responses).flatMap(({ content }) =>
    Object.keys(content["application/json"]?.examples ?? {}),
  );

describe("the document", () => {
  it("has every route that customers and monitors call, and no other", () => {
    const routes = app.routes
      .filter(({ method, path }) => method !== "ALL" && /^\/(?:v1\/|healthz)/.test(path))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(?:\{[^}]*\})?/g, "{$1}")}`);
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      [...new Set(routes)].sort(),
    );
    expect(routes).toContain("POST /v1/phone-numbers");
  });

  it("has every code of the catalogue, each under its status", () => {
    const codes = new Set([...operations.flatMap(codesOf), ...CODES_OUTSIDE_OPERATIONS]);
    expect([...codes].sort()).toEqual(Object.keys(errorCatalogue).sort());
    for (const { responses } of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const code of Object.keys(content["application/json"]?.examples ?? {})) {
          // A number of things that is full is no matter of time.
          const isFull = code === "limit_reached" && status === "403";
          const usual = isFull ? 403 : errorCatalogue[code as keyof typeof errorCatalogue].status;
          expect([code, usual]).toEqual([code, Number(status)]);
        }
      }
    }
  });

  it("has an id of its own for each operation, and a description for each field and parameter", () => {
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const { operationId, parameters = [], requestBody } of operations) {
      const fields = requestBody?.content["application/json"].schema.properties ?? {};
      for (const field of [...parameters, ...Object.values(fields)]) {
        expect(field, operationId).toHaveProperty("description");
      }
    }
  });

  it("has examples that are as it says", () => {
    for (const { operationId, requestBody, responses } of operations) {
      const contents = [requestBody, ...Object.values(responses)].map(
        (part) => part?.content["application/json"],
      );
      for (const content of contents.filter((part) => part !== undefined)) {
        if (content.examples === undefined)
          expect(faultsOf(content.example, content.schema), operationId).toEqual([]);
        for (const { $ref } of Object.values(content.examples ?? {})) {
          const { value } = (document.components?.examples?.[$ref.split("/").at(-1) ?? ""] ?? {}) as {
            value?: unknown;
          };
          expect(faultsOf(value, content.schema), $ref).toEqual([]);
        }
      }
    }
  });

  it("says of each request with an API key whether it heeds an Idempotency-Key", async () => {
    const key = await createKey();
    for (const { method, path, parameters = [], security } of operations) {
      const isHeeded = parameters.some(({ name }) => name === "Idempotency-Key");
      if (security[0]?.apiKey === undefined) {
        expect([method, path, isHeeded]).toEqual([method, path, false]);
        continue;
      }
      const url = BASE + path.replace(/\{\w+\}/, "x");
      const headers = { ...authorization(key), "idempotency-key": "" };
      const response = await send(new Request(url, { method, headers }));
      const isRefused = (await response.text()).includes("invalid_idempotency_key");
      expect([method, path, isRefused]).toEqual([method, path, isHeeded]);
      if (path === "/v1/keys/rotate") Object.assign(key, await createKey());
    }
  });

  it("refers to nothing that it does not have", () => {
    for (const [, reference = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = reference
        .split("/")
        .reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], document);
      expect(target, reference).toBeTypeOf("object");
    }
  });

  it("is served, for this deployment", async () => {
    const served = await (await send(new Request(`${BASE}/openapi.json`))).json<typeof document>();
    expect(served).toMatchObject({ openapi: "3.1.1", servers: [{ url: "/" }], paths: document.paths });
  });
});

describe("a response that disagrees with it", () => {
  const request = new Request(`${BASE}/v1/agents`, { method: "POST" });
  const error = {
    type: "conflict",
    code: "agent_not_found",
    message: "…",
    doc_url: `${BASE}/docs/errors/x`,
    details: {},
  };

  it.each<[string, Response]>([
    ["another status", Response.json({ error }, { status: 409 })],
    ["a code that the operation does not have", Response.json({ error }, { status: 401 })],
    ["no envelope", Response.json({ message: "oops" }, { status: 400 })],
    ["a field missing", Response.json({ agent_id: "agent_125207e452f8714a" }, { status: 201 })],
  ])("fails its test: %s", async (_, response) => {
    await expect(expectDocumented(request, response)).rejects.toThrow();
  });

  it("fails its test: a field too many", async () => {
    const ok = Response.json({ status: "ok" });
    await expectDocumented(new Request(`${BASE}/healthz`), ok);
    const more = Response.json({ status: "ok", version: 1 });
    await expect(expectDocumented(new Request(`${BASE}/healthz`), more)).rejects.toThrow();
  });
});

describe("the header Idempotency-Key", () => {
  it("has no example, which the reference would send with every request that somebody tries", () => {
    const headers = operations.flatMap(({ parameters = [] }) =>
      parameters.filter((parameter) => parameter.name === "Idempotency-Key"),
    );
    expect(headers.length).toBeGreaterThan(5);
    for (const { schema } of headers) expect(schema).not.toHaveProperty("examples");
  });
});
