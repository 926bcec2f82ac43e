import { parseArgs } from "node:util";
import { createApiKey, MAX_NAME_LENGTH } from "../src/api-keys/api-key.ts";
import { INSERT_API_KEY } from "../src/api-keys/store.ts";
import { databaseFault } from "./deployment.ts";
import { configOf, type Target, takeTarget } from "./target.ts";
import { fail, wrangler } from "./wrangler.ts";

// npm run key:create -- --name NAME [--remote] [--env NAME]: creates an API key in the local D1 or the deployed one. Standard output
// is one JSON object, {"key_id","key_secret"}; everything else goes to standard error.

const USAGE = "Usage: npm run key:create -- --name NAME [--remote] [--env NAME] [--persist-to DIR]";

type Arguments = { name: string; where: string[]; target: Target };

function readArguments(): Arguments {
  const options = {
    name: { type: "string" },
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
    where: [
      ...(values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])]),
      ...target.flags,
    ],
    target,
  };
}

/** A text as an SQL literal, because wrangler cannot bind parameters. In SQLite only the quote must be doubled. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function createKey({ name, where, target }: Arguments): Promise<void> {
  const fault = databaseFault(target, configOf(target));
  if (fault && where.includes("--remote")) throw new Error(fault);
  const { keyId, keySecret, row } = await createApiKey(name, new Date());
  const values = [row.id, row.secret_hash, row.name, row.created_at];
  const command = INSERT_API_KEY.replace(/\?(\d)/g, (_, index: string) =>
    literal(values[Number(index) - 1] ?? ""),
  );
  if (where.includes("--local")) wrangler(["d1", "migrations", "apply", "DB", ...where]);
  wrangler(["d1", "execute", "DB", ...where, "--yes", "--command", command]);
  console.log(JSON.stringify({ key_id: keyId, key_secret: keySecret }));
}

let wanted: Arguments | undefined;
try {
  wanted = readArguments();
} catch (error) {
  fail(error, USAGE);
}
if (wanted) await createKey(wanted).catch((error: unknown) => fail(error));
