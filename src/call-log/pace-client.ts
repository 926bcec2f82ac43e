import { StorageError } from "../database.ts";
import { sha256 } from "../vault/hash.ts";

type Namespace = Env["ACCOUNT_PACE"];

export type Paces = ReturnType<typeof createPaces>;

export function createPaces(namespace: Namespace) {
  return {
    /** @throws StorageError */
    async turn({ accountSid, region }: { accountSid: string; region: string }, perSecond: number) {
      try {
        const name = await sha256(`account-pace/${accountSid}/${region}`);
        return await namespace.getByName(name).turn(perSecond);
      } catch (error) {
        throw new StorageError("unavailable", error);
      }
    },
  };
}
