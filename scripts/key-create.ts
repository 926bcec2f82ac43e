import { parseArgs } from "node:util";
import { createApiKey, MAX_NAME_LENGTH } from "../src/api-keys/api-key.ts";
import { limits as limitsSchema } from "../src/api-keys/schema.ts";
import { INSERT_API_KEY } from "../src/api-keys/store.ts";
import { unknownFields } from "../src/http/schema.ts";
import { databaseFault } from "./deployment.ts";
import { configOf, type Target, takeTarget } from "./target.ts";
import { fail, wrangler, wranglerQuietly } from "./wrangler.ts";

// npm run key:create -- --name NAME [--limits JSON] [--remote] [--env NAME]: creates an API key in the local D1 or the
// deployed one. Standard output is one JSON object, {"key_id","key_secret"}, with the limits that were set; everything else
// goes to standard error.

const USAGE =
  "Usage: npm run key:create -- --name NAME [--limits '{\"calls_per_day\": 500}'] [--remote] [--env NAME] [--persist-to DIR]";

type Arguments = { name: string; limits: object | undefined; where: string[]; target: Target };

function readArguments(): Arguments {
  const options = {
    name: { type: "string" },
    limits: { type: "string" },
    remote: { type: "boolean" },
    "persist-to": { type: "string" },
  } as const;
  const { target, rest } = takeTarget(process.argv.slice(2));
  const { values } = parseArgs({ args: rest, options });
  const name = values.name?.trim();
  if (!name) throw new Error("--name is missing.");
  if (name.length > MAX_NAME_LENGTH) throw new Error(`--name is longer than ${MAX_NAME_LENGTH} characters.`);
  if (/\p{Cc}/u.test(name)) throw new Error("--name has a control character, such as a line break.");
  const persistTo = values["persist-to"];
  return {
    name,
    limits: readLimits(values.limits),
    where: [
      ...(values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])]),
      ...target.flags,
    ],
    target,
  };
}

/** As in `POST /v1/keys`. */
function readLimits(text: string | undefined): object | undefined {
  if (text === undefined) return undefined;
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw new Error("--limits is no JSON.");
  }
  const { data, error } = limitsSchema.safeParse(given);
  const unknown = [...unknownFields(limitsSchema, given)].map(({ name }) => name);
  const wrong = [...unknown, ...(error?.issues ?? []).map(({ path }) => path.join("."))];
  if (wrong.length > 0 || !data) throw new Error(`--limits has a wrong value: ${wrong.join(", ") || text}.`);
  return data;
}

/** A text as an SQL literal, because wrangler cannot bind parameters. In SQLite only the quote must be doubled. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function createKey({ name, limits, where, target }: Arguments): Promise<void> {
  const fault = databaseFault(target, configOf(target));
  if (fault && where.includes("--remote")) throw new Error(fault);
  const { keyId, keySecret, row } = await createApiKey(name, new Date());
  const values = [row.id, row.name, row.created_at, row.secret_id, row.secret_hash];
  const command = INSERT_API_KEY.join("; ").replace(/\?(\d)/g, (_, index: string) =>
    literal(values[Number(index) - 1] ?? ""),
  );
  if (where.includes("--local")) {
    const { succeeded, output } = wranglerQuietly(["d1", "migrations", "apply", "DB", ...where]);
    if (!succeeded) throw new Error(`The local database could not be prepared:\n${output}`);
  }
  const limit = limits
    ? `; UPDATE api_keys SET limits = json_patch('{}', ${literal(JSON.stringify(limits))}) WHERE id = ${literal(keyId)}`
    : "";
  wrangler(["d1", "execute", "DB", ...where, "--yes", "--command", `${command}${limit}`]);
  console.log(JSON.stringify({ key_id: keyId, key_secret: keySecret, ...(limits && { limits }) }));
}

let wanted: Arguments | undefined;
try {
  wanted = readArguments();
} catch (error) {
  fail(error, USAGE);
}
if (wanted) await createKey(wanted).catch((error: unknown) => fail(error));
