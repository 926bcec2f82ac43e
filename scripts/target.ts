import { existsSync } from "node:fs";
import { unstable_readConfig as readConfig } from "wrangler";
import { takeOption } from "./wrangler.ts";

/** Which environment of which configuration file a command is about. */
export type Target = {
  /** The name of an `[env.…]` section; empty for the top level. */
  environment: string;
  config: string;
  /** The same for wrangler. They say it even if nobody did, so that wrangler looks for it nowhere else. */
  flags: string[];
};

const DEFAULT_CONFIG = "wrangler.toml";

/**
 * Takes `-e` or `--env` and `-c` or `--config` out of a script's arguments. Without them `CLOUDFLARE_ENV` says the
 * environment, in the process or in .env, as for wrangler.
 *
 * @throws Error if an option has no value or two
 */
export function takeTarget(args: readonly string[]): { target: Target; rest: string[] } {
  if (existsSync(".env")) process.loadEnvFile(".env");
  const environments = takeOption(args, "--env", "-e");
  const configs = takeOption(environments.rest, "--config", "-c");
  const environment = environments.value ?? process.env.CLOUDFLARE_ENV ?? "";
  const config = configs.value ?? DEFAULT_CONFIG;
  const flags = [`--env=${environment}`, ...(configs.value === undefined ? [] : [`--config=${config}`])];
  return { target: { environment, config, flags }, rest: configs.rest };
}

/** What wrangler reads for a target. @throws Error if the file or the environment is not there */
export function configOf({ environment, config }: Pick<Target, "environment" | "config">) {
  if (!existsSync(config)) throw new Error(`There is no ${config}.`);
  return readConfig({ config, env: environment });
}
