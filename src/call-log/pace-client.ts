import { callObject } from "../objects.ts";
import { sha256 } from "../vault/hash.ts";
import type { Turn } from "./pace.ts";

type Namespace = Env["ACCOUNT_PACE"];

export type Paces = ReturnType<typeof createPaces>;

export function createPaces(namespace: Namespace) {
  return {
    /** @throws StorageError */
    async turn({ accountSid, region }: { accountSid: string; region: string }, perSecond: number) {
      const name = await sha256(`account-pace/${accountSid}/${region}`);
      // A turn that was given is taken: it is not asked for twice.
      return callObject(
        () => namespace.getByName(name),
        async (pace): Promise<Turn> => await pace.turn(perSecond),
        false,
      );
    },
  };
}
