import { ApiError } from "../http/errors.ts";
import type { Page } from "../http/page.ts";
import { isId } from "../ids.ts";
import { callObject, type Objects } from "../objects.ts";
import type { Job, Outcome, Result, Status } from "./job.ts";
import type { NewNumber } from "./store.ts";

type Stub = ReturnType<Objects["bulkImport"]>;

/**
 * The bulk imports of one API key. What does not answer is a StorageError, and what is not there or another key's is
 * `phone_number_import_not_found`.
 */
export function bulkImportsOf(objects: Objects, apiKeyId: string) {
  /** Every method does the same if it is called twice, so that one whose answer was lost is called again. */
  async function call<T>(id: string, method: (object: Stub) => Promise<T>): Promise<T> {
    // An id is the object's name, and random.
    if (!isId("phoneNumberImport", id)) throw new ApiError("phone_number_import_not_found");
    return callObject(() => objects.bulkImport(id), method);
  }

  async function found<T>(id: string, method: (object: Stub) => Promise<T | null>): Promise<T> {
    const answer = await call(id, method);
    if (answer === null) throw new ApiError("phone_number_import_not_found");
    return answer;
  }

  return {
    create: (job: Job, sealed: string, numbers: readonly NewNumber[]) =>
      call(job.id, (object) => object.create(job, sealed, numbers)),
    find: (id: string): Promise<Status | null> =>
      call(id, async (object) => (await object.status(apiKeyId)) as Status | null),
    status: (id: string): Promise<Status> =>
      found(id, async (object) => (await object.status(apiKeyId)) as Status | null),
    results: (id: string, outcome: Outcome | null, page: Page) =>
      found(
        id,
        async (object) =>
          (await object.results(apiKeyId, outcome, page)) as { results: Result[]; count: number } | null,
      ),
    cancel: (id: string): Promise<Status> =>
      found(id, async (object) => (await object.cancel(apiKeyId)) as Status | null),
    retry: (id: string, sealed: string): Promise<Status> =>
      found(id, async (object) => (await object.retry(apiKeyId, sealed)) as Status | null),
  };
}
