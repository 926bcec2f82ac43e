import type { Config } from "../config.ts";
import { createVault, type Vault } from "../vault/vault.ts";
import type { Logger } from "./log.ts";

/** What almost all work needs. Code that works on numbers or sends events takes the `Services` of src/services.ts. */
export type BaseServices = {
  db: D1Database;
  vault: Vault;
  log: Logger;
  now: () => Date;
};

export function baseServices(
  env: Pick<Env, "DB">,
  { tokenEncryptionKeys }: Pick<Config, "tokenEncryptionKeys">,
  log: Logger,
): BaseServices {
  return { db: env.DB, vault: createVault(tokenEncryptionKeys), log, now: () => new Date() };
}
