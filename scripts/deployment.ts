import { existsSync, readFileSync } from "node:fs";
import { isPublishedExample, parseOrigin } from "../src/config.ts";
import type { configOf, Target } from "./target.ts";

// What is wrong with a deployment, found out before anything is sent.

type WranglerConfig = ReturnType<typeof configOf>;

const PLACEHOLDER_ID = /^[0-]+$/;

/** Where in the configuration a target's lines are, for messages. */
function placeOf({ environment, config }: Target): string {
  return environment === "" ? config : `${config}, [env.${environment}]`;
}

/** What is wrong with the database's id; undefined if nothing is. */
export function databaseFault(target: Target, { d1_databases }: WranglerConfig): string | undefined {
  const [database] = d1_databases;
  if (!PLACEHOLDER_ID.test(database?.database_id ?? "")) return undefined;
  return `${placeOf(target)}: database_id is a placeholder. Run \`npx wrangler d1 create ${database?.database_name} --location enam --binding DB\` and copy the id that it prints, nothing else.`;
}

/** What an environment has in common with the top level and must not; undefined if there is nothing. Routes are inherited. */
export function sharedFault(target: Target, config: WranglerConfig, top: WranglerConfig): string | undefined {
  if (target.environment === "") return undefined;
  const own = ({ d1_databases, vars, routes }: WranglerConfig) => ({
    database_id: d1_databases[0]?.database_id,
    PUBLIC_BASE_URL: vars.PUBLIC_BASE_URL,
    routes,
  });
  const theirs: Record<string, unknown> = own(top);
  const shared = Object.entries(own(config)).filter(
    ([name, value]) => value !== undefined && JSON.stringify(value) === JSON.stringify(theirs[name]),
  );
  if (shared.length === 0) return undefined;
  return `${placeOf(target)}: ${shared.map(([name]) => name).join(", ")} must not be as at the top level: they would be production's.`;
}

/** The address that a deployment will have: the one of an argument `--var PUBLIC_BASE_URL:…`, or the configured one. */
export function addressOf(args: readonly string[], { vars }: WranglerConfig): string {
  const given = args.map((argument) => /^(?:--var=)?PUBLIC_BASE_URL:(.*)$/.exec(argument)?.[1]);
  return given.find((address) => address !== undefined) ?? String(vars.PUBLIC_BASE_URL);
}

/** What is wrong with an address, by the rule that the Worker has; undefined if nothing is. */
export function addressFault(target: Target, address: string): string | undefined {
  const instead = "Set it to the https address of your Worker, such as https://numbers.example.com.";
  const fault = `${placeOf(target)}: PUBLIC_BASE_URL`;
  try {
    return parseOrigin(address).startsWith("https://")
      ? undefined
      : `${fault} is ${address}, which only this machine reaches. ${instead}`;
  } catch (error) {
    return `${fault} ${(error as Error).message}: ${address}. ${instead}`;
  }
}

/** What is wrong with a file of secrets; undefined if nothing is, or if there is none. */
export function secretsFault(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  if (!existsSync(file)) return `There is no ${file}. \`npm run secrets\` writes fresh secrets.`;
  if (!isPublishedExample(readFileSync(file, "utf8"))) return undefined;
  return `${file} has a secret of .dev.vars.example, which everybody knows. \`npm run secrets\` makes fresh ones.`;
}

/** What is wrong with the address on workers.dev. @param subdomain the account's; null if it has none yet */
export function subdomainFault(
  target: Target,
  { name }: WranglerConfig,
  address: string,
  subdomain: string | null,
): string | undefined {
  if (subdomain === null)
    return (
      "This Cloudflare account has no workers.dev subdomain yet. Open Workers & Pages in the dashboard once " +
      "(https://dash.cloudflare.com/?to=/:account/workers/onboarding), which registers one. Or give the Worker a domain of its own: docs/deploy.md."
    );
  const actual = `https://${name}.${subdomain}.workers.dev`;
  const { hostname, origin } = new URL(address);
  if (!hostname.endsWith(".workers.dev") || origin === actual) return undefined;
  return `${placeOf(target)}: PUBLIC_BASE_URL is ${address}, but the Worker will be at ${actual}.`;
}

/** Whether a deployment gets an address on workers.dev. */
export function usesWorkersDev({ workers_dev, route, routes }: WranglerConfig): boolean {
  return workers_dev ?? (route === undefined && (routes ?? []).length === 0);
}

export type Answer = {
  status: number;
  version?: unknown;
  version_id?: unknown;
  error?: { message?: unknown };
};

/** What a deployment's address says of it, in one sentence. @param answer what `/healthz` answered, or why it did not */
export function verdictOf(
  address: string,
  deployed: string | undefined,
  answer: Answer | Error,
): { isRight: boolean; text: string } {
  const wrong = (text: string) => ({ isRight: false, text: `Deployed, but ${text}` });
  if (answer instanceof Error)
    return wrong(
      `nobody answers at ${address}: ${answer.message}. A new domain's certificate takes some minutes: curl ${address}/healthz`,
    );
  if (answer.version === undefined)
    return wrong(
      `${address}/healthz answers ${answer.status}${answer.error ? `: ${answer.error.message}` : ", and not as this service does. Is PUBLIC_BASE_URL right?"}`,
    );
  if (deployed !== undefined && answer.version_id !== deployed)
    return wrong(
      `${address} answers version ${answer.version_id}, not ${deployed}. Is PUBLIC_BASE_URL the address of another deployment?`,
    );
  return { isRight: true, text: `${address} answers: version ${answer.version}, ${answer.version_id}.` };
}
