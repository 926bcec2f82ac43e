import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";

// Cloudflare's API as far as a deployment uses it, and the Worker that it deploys: what wrangler 4.124 asks, in the forms
// that it reads. D1 is SQLite, so migrations are really applied.

export type Cloudflare = {
  url: string;
  /** A test may change it between two deployments. */
  situation: Situation;
  /** The requests in order, without what differs from run to run. */
  requests: string[];
  /** By its id. */
  databases: Map<string, DatabaseSync>;
  queues: Set<string>;
  /** What was uploaded, by the Worker's name. */
  workers: Map<string, Upload>;
  close: () => void;
};

type Upload = { version: string; bindings: Record<string, unknown>[]; migrations: unknown };

export type Situation = {
  accounts?: string[];
  subdomain?: string | null;
  databases: string[];
  /** Requests that are refused, such as `POST /queues`. */
  refused?: Record<string, Reply>;
  /** What the deployed Worker answers to `GET /healthz`, instead of its version. */
  health?: Health;
};

type Health = { status: number; body: Record<string, unknown> };
type Request = { path: string; query: URLSearchParams; body: Buffer; type: string };
type Reply = { status?: number; result?: unknown; errors?: { code: number; message: string }[] };
type Route = [
  method: string,
  path: RegExp,
  reply: (named: string, request: Request, state: State) => Reply | Promise<Reply>,
];
type State = Cloudflare & { secrets: Map<string, Set<string>> };

const ACCOUNT = "a".repeat(32);

const notFound = (code: number, message = "not found"): Reply => ({
  status: 404,
  errors: [{ code, message }],
});
const accountsOf = ({ situation: { accounts = [ACCOUNT] } }: State) =>
  accounts.map((id) => ({ id, name: `Account ${id.slice(0, 4)}` }));
const queueOf = (name: string) => ({ queue_id: name, queue_name: name, producers: [], consumers: [] });

// The path of an account's own things is without the account.
const ROUTES: Route[] = [
  ["GET", /^\/user\/tokens\/verify$/, () => ({ result: { id: "token", status: "active" } })],
  ["GET", /^\/user$/, () => ({ result: { id: "user", email: "ops@example.com" } })],
  ["GET", /^\/accounts$/, (_, __, state) => ({ result: accountsOf(state) })],
  [
    "GET",
    /^\/memberships$/,
    (_, __, state) => ({ result: accountsOf(state).map((account) => ({ id: account.id, account })) }),
  ],
  [
    "GET",
    /^\/workers\/subdomain$/,
    (_, __, { situation: { subdomain = "acme" } }) =>
      subdomain === null ? notFound(10007, "no subdomain") : { result: { subdomain } },
  ],
  ["POST", /^\/d1\/database\/([^/]+)\/query$/, query],
  [
    "GET",
    /^\/queues$/,
    (_, { query: asked }, { queues }) => {
      const names = asked.getAll("name");
      return {
        result: [...queues].filter((name) => names.length === 0 || names.includes(name)).map(queueOf),
      };
    },
  ],
  [
    "POST",
    /^\/queues$/,
    (_, { body }, { queues }) => {
      const { queue_name } = JSON.parse(String(body)) as { queue_name: string };
      queues.add(queue_name);
      return { result: queueOf(queue_name) };
    },
  ],
  ["GET", /^\/queues\/([^/]+)\/consumers$/, () => ({ result: [] })],
  ["POST", /^\/queues\/([^/]+)\/consumers$/, () => ({ result: {} })],
  [
    "GET",
    /^\/workers\/services\/([^/]+)$/,
    (name, _, { workers }) =>
      workers.has(name)
        ? {
            result: {
              default_environment: {
                environment: "production",
                script: { tag: "tag", last_deployed_from: "wrangler" },
              },
            },
          }
        : notFound(10090),
  ],
  [
    "GET",
    /^\/workers\/scripts\/([^/]+)\/secrets$/,
    (name, _, { secrets }) => ({
      result: [...(secrets.get(name) ?? [])].map((secret) => ({ name: secret, type: "secret_text" })),
    }),
  ],
  [
    "POST",
    /^\/workers\/scripts\/([^/]+)\/assets-upload-session$/,
    () => ({ result: { jwt: "done", buckets: [] } }),
  ],
  [
    "GET",
    /^\/workers\/scripts\/([^/]+)\/deployments$/,
    (name, _, { workers }) => {
      const { version: version_id } = workers.get(name) ?? {};
      const versions = version_id
        ? [{ source: "wrangler", versions: [{ version_id, percentage: 100 }] }]
        : [];
      return { result: { deployments: versions } };
    },
  ],
  ["GET", /^\/workers\/scripts\/([^/]+)\/settings$/, () => notFound(10007)],
  ["PATCH", /^\/workers\/scripts\/([^/]+)\/script-settings$/, () => ({ result: {} })],
  ["PUT", /^\/workers\/scripts\/([^/]+)$/, upload],
  [
    "GET",
    /^\/workers\/scripts\/([^/]+)\/subdomain$/,
    () => ({ result: { enabled: false, previews_enabled: false } }),
  ],
  [
    "POST",
    /^\/workers\/scripts\/([^/]+)\/subdomain$/,
    () => ({ result: { enabled: true, previews_enabled: false } }),
  ],
  ["PUT", /^\/workers\/scripts\/([^/]+)\/schedules$/, () => ({ result: { schedules: [] } })],
];

function query(id: string, { body }: Request, { databases }: State): Reply {
  const database = databases.get(id);
  if (!database) return notFound(7404, `The database ${id} could not be found`);
  const { sql } = JSON.parse(String(body)) as { sql: string };
  const isQuestion = /^\s*(?:SELECT|PRAGMA)/i.test(sql);
  if (!isQuestion) database.exec(sql);
  const results = isQuestion ? database.prepare(sql).all() : [];
  return { result: [{ success: true, results, meta: { duration: 1 } }] };
}

async function upload(name: string, { body, type }: Request, state: State): Promise<Reply> {
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  const { bindings, migrations } = JSON.parse(String(form.get("metadata")));
  const sent = bindings as Upload["bindings"];
  const secrets = sent
    .filter(({ type: kind }) => kind === "secret_text")
    .map(({ name: secret }) => String(secret));
  state.secrets.set(name, new Set([...(state.secrets.get(name) ?? []), ...secrets]));
  const worker = { version: randomUUID(), bindings: sent, migrations };
  state.workers.set(name, worker);
  return {
    result: { id: name, tag: "tag", deployment_id: worker.version.replaceAll("-", ""), startup_time_ms: 1 },
  };
}

export async function startCloudflare(situation: Situation): Promise<Cloudflare> {
  const state: State = {
    url: "",
    requests: [],
    databases: new Map(situation.databases.map((id) => [id, new DatabaseSync(":memory:")])),
    queues: new Set(),
    workers: new Map(),
    secrets: new Map(),
    situation,
    close: () => server.close(),
  };
  const server = createServer(async (incoming, outgoing) => {
    const request = await read(incoming);
    const [, host] = /^\/deployed\/([^/]+)\/healthz$/.exec(request.path) ?? [];
    if (host !== undefined) {
      const { status, body } = situation.health ?? healthOf(host, state);
      outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      return;
    }
    const path = request.path.replace(/^\/accounts\/[^/]+(?=\/)/, "");
    const line = `${incoming.method} ${path}`;
    state.requests.push(line);
    const [, pattern, reply] =
      ROUTES.find(([method, known]) => method === incoming.method && known.test(path)) ?? [];
    const {
      status = 200,
      result = null,
      errors = [],
    } = situation.refused?.[line] ??
    (await reply?.(pattern?.exec(path)?.[1] ?? "", request, state)) ??
    notFound(10000, `not in the fake: ${line}`);
    outgoing.writeHead(status, { "content-type": "application/json" });
    outgoing.end(JSON.stringify({ success: status < 400, result, errors, messages: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

/** What a Worker answers that was deployed to `<its name>.….workers.dev`. */
function healthOf(host: string, { workers }: State): Health {
  const worker = workers.get(host.split(".")[0] ?? "");
  if (!worker) return { status: 404, body: {} };
  return { status: 200, body: { status: "ok", version: "1.0.0", version_id: worker.version } };
}

async function read(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { pathname, searchParams } = new URL(incoming.url ?? "", "http://localhost");
  return {
    path: pathname,
    query: searchParams,
    body: Buffer.concat(chunks),
    type: incoming.headers["content-type"] ?? "",
  };
}
