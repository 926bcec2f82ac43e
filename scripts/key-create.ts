import { parseArgs } from "node:util";
import { createApiKey, MAX_NAME_LENGTH } from "../src/api-keys/api-key.ts";
import { INSERT_API_KEY } from "../src/api-keys/store.ts";
import { deploymentFaults } from "./deployment.ts";
import { fail, wrangler } from "./wrangler.ts";

// npm run key:create -- --name NAME [--remote]: creates an API key in the local D1 or the deployed one. Standard output
// is one JSON object, {"key_id","key_secret"}; everything else goes to standard error.

const USAGE = "Usage: npm run key:create -- --name NAME [--remote] [--persist-to DIR]";

type Arguments = { name: string; where: string[] };

function readArguments(): Arguments {
  const options = {
    name: { type: "string" },
    remote: { type: "boolean" },
    "persist-to": { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const name = values.name?.trim();
  if (!name) throw new Error("--name is missing.");
  if (name.length > MAX_NAME_LENGTH) throw new Error(`--name is longer than ${MAX_NAME_LENGTH} characters.`);
  if (/\p{Cc}/u.test(name)) throw new Error("--name has a control character, such as a line break.");
  const persistTo = values["persist-to"];
  return {
    name,
    where: values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])],
  };
}

/** A text as an SQL literal, because wrangler cannot bind parameters. In SQLite only the quote must be doubled. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

async function createKey({ name, where }: Arguments): Promise<void> {
  const { database } = deploymentFaults();
  if (database && where.includes("--remote")) throw new Error(database);
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
