import { callObject, type Objects } from "../objects.ts";
import type { Turn } from "./pace.ts";

export type Paces = ReturnType<typeof createPaces>;

export function createPaces(objects: Objects) {
  return {
    /** @throws StorageError */
    async turn({ accountSid, region }: { accountSid: string; region: string }, perSecond: number) {
      // A turn that was given is taken: it is not asked for twice.
      return callObject(
        () => objects.accountPace(accountSid, region),
        async (pace): Promise<Turn> => await pace.turn(perSecond),
        false,
      );
    },
  };
}
