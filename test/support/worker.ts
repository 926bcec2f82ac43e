import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import worker from "../../src/index.ts";
import { expectDocumented } from "./document.ts";
import { keepSecret } from "./logs.ts";
import { modelVariables } from "./model.ts";
import { watchedOutboxes } from "./outbox.ts";
import { watchedQueues } from "./queue.ts";
import { recordedDatabase } from "./statements.ts";

export const BASE = "https://numbers.example.com";

/** The Worker's bindings, with queues and outboxes that a test controls, and a D1 that remembers every statement. */
export const bindings: Env = {
  ...env,
  DB: recordedDatabase,
  EVENT_OUTBOX: watchedOutboxes,
  ...watchedQueues,
  // The objects have the model in their own `env`; a test says whether its deployment has one.
  MODEL_BASE_URL: "",
  MODEL: "",
};

/** Sends the Worker a request and waits for the work that it starts. Fails if the response is not documented. */
export async function send(request: Request, overrides: Partial<Env> = {}): Promise<Response> {
  const context = createExecutionContext();
  const all = { ...modelVariables(), ...overrides };
  const withOverrides = Object.keys(all).length === 0 ? bindings : { ...bindings, ...all };
  const response = await worker.fetch(
    request as Request<unknown, IncomingRequestCfProperties>,
    withOverrides,
    context,
  );
  await waitOnExecutionContext(context);
  expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{16}$/);
  await expectDocumented(request, response);
  return response;
}

export type Key = { key_id: string; key_secret: string };

export function authorization({ key_id, key_secret }: Key): { authorization: string } {
  return { authorization: `Bearer ${key_id}:${key_secret}` };
}

export function get(path: string, key?: Key): Promise<Response> {
  return send(new Request(`${BASE}${path}`, { headers: key ? authorization(key) : {} }));
}

/** A request with an API key, and a JSON body if there is one. */
export function call(
  method: string,
  path: string,
  key: Key,
  body?: unknown,
  { headers, env: overrides }: Omit<PostOptions, "key"> = {},
): Promise<Response> {
  const request = new Request(`${BASE}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...authorization(key),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return send(request, overrides);
}

type PostOptions = { key?: Key | undefined; headers?: Record<string, string>; env?: Partial<Env> };

/** POSTs JSON; a string is sent as it is. */
export function post(
  path: string,
  body: unknown,
  { key, headers, env: overrides }: PostOptions = {},
): Promise<Response> {
  return send(
    new Request(`${BASE}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key && authorization(key)), ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    }),
    overrides,
  );
}

/** The headers of the operator. */
export const ADMIN = { authorization: `Bearer ${env.ADMIN_TOKEN}` };

/** What the operator asks. */
export function asAdmin(
  method: string,
  path: string,
  {
    body,
    headers = ADMIN,
    env: overrides,
  }: { body?: unknown; headers?: Record<string, string>; env?: Partial<Env> } = {},
): Promise<Response> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const init = {
    method,
    headers: { ...json, ...headers },
    body: body === undefined ? null : JSON.stringify(body),
  };
  return send(new Request(`${BASE}${path}`, init), overrides);
}

export async function createKey(name = "test"): Promise<Key> {
  const response = await post("/v1/keys", { name }, { headers: ADMIN });
  expect(response.status).toBe(201);
  const key = await response.json<Key>();
  keepSecret(key.key_secret);
  return key;
}

export async function createAgent(key: Key, fields: Record<string, unknown> = {}): Promise<string> {
  const response = await post("/v1/agents", { name: "Receptionist", ...fields }, { key });
  expect(response.status).toBe(201);
  return (await response.json<{ agent_id: string }>()).agent_id;
}

export type Envelope = {
  error: { type: string; code: string; message: string; doc_url: string; details: Record<string, unknown> };
};

/** Asserts an error envelope and returns it. */
export async function expectError(
  response: Response,
  status: number,
  code: string,
): Promise<Envelope["error"]> {
  const text = await response.text();
  expect({ status: response.status, body: text }).toMatchObject({
    status,
    body: expect.stringContaining(`"${code}"`),
  });
  const { error } = JSON.parse(text) as Envelope;
  expect(error).toEqual({
    type: expect.any(String),
    code,
    message: expect.stringMatching(/^\S.{20,}/s),
    doc_url: `${BASE}/docs/errors/${code}`,
    details: expect.any(Object),
  });
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  return error;
}

/** All rows of a table. */
export async function rows<Row = Record<string, unknown>>(table: string): Promise<Row[]> {
  return (await env.DB.prepare(`SELECT * FROM ${table}`).all<Row>()).results;
}
