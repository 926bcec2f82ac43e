import { parseArgs } from "node:util";
import { createApiKey, MAX_NAME_LENGTH } from "../src/api-keys/api-key.ts";
import { INSERT_API_KEY } from "../src/api-keys/store.ts";
import { wrangler } from "./wrangler.ts";

// npm run key:create -- --name NAME [--remote]: an API key in the local D1 or the deployed one. Standard output is
// one JSON object, {"key_id","key_secret"}; everything else goes to standard error.

const USAGE = "Usage: npm run key:create -- --name NAME [--remote] [--persist-to DIR]";

function readArguments(): { name: string; where: string[] } {
  const options = {
    name: { type: "string" },
    remote: { type: "boolean" },
    "persist-to": { type: "string" },
  } as const;
  const { values } = parseArgs({ options });
  const name = values.name?.trim() ?? "";
  if (name === "" || name.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(name)) {
    throw new Error(`--name must have 1 to ${MAX_NAME_LENGTH} characters`);
  }
  const persistTo = values["persist-to"];
  const where = values.remote ? ["--remote"] : ["--local", ...(persistTo ? ["--persist-to", persistTo] : [])];
  return { name, where };
}

/** A text as an SQL literal. wrangler binds no parameters; doubling the quote is all that SQLite's literals need. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

try {
  const { name, where } = readArguments();
  const { keyId, keySecret, row } = await createApiKey(name, new Date());
  const values = [row.id, row.secret_hash, row.name, row.created_at];
  const command = INSERT_API_KEY.replace(/\?(\d)/g, (_, index: string) =>
    literal(values[Number(index) - 1] ?? ""),
  );
  if (where.includes("--local")) wrangler(["d1", "migrations", "apply", "DB", ...where]);
  wrangler(["d1", "execute", "DB", ...where, "--yes", "--command", command]);
  console.log(JSON.stringify({ key_id: keyId, key_secret: keySecret }));
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 1;
}
