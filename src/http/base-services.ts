import type { Config } from "../config.ts";
import type { Limits } from "../limits.ts";
import { createIds, type Ids } from "../vault/ids.ts";
import { createVault, type Vault } from "../vault/vault.ts";
import type { Logger } from "./log.ts";

/** What almost all work needs. Code that works on numbers or sends events takes the `Services` of src/services.ts. */
export type BaseServices = {
  db: D1Database;
  vault: Vault;
  ids: Ids;
  log: Logger;
  now: () => Date;
  /** How much an API key may use, unless it has limits of its own. */
  defaultLimits: Limits;
};

export function baseServices(env: Env, config: Config, log: Logger): BaseServices {
  return {
    db: env.DB,
    vault: createVault(config.tokenEncryptionKeys),
    ids: createIds(config.idSecret),
    log,
    now: () => new Date(),
    defaultLimits: config.defaultLimits,
  };
}
