import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

/**
 * Counts the rows that an object writes from now on, with one for each alarm that it sets and each value that it puts.
 *
 * @returns how many so far
 */
export async function meterRows(stub: DurableObjectStub): Promise<() => Promise<number>> {
  const cursors: SqlStorageCursor<never>[] = [];
  let others = 0;
  await runInDurableObject(stub as never, (_, { storage }) => {
    const { sql } = storage;
    const [exec, setAlarm] = [sql.exec.bind(sql), storage.setAlarm.bind(storage)];
    const [put, deleteAll] = [storage.put.bind(storage), storage.deleteAll.bind(storage)];
    Object.assign(sql, {
      exec: (...statement: Parameters<typeof exec>) => {
        const cursor = exec(...statement);
        cursors.push(cursor as never);
        return cursor;
      },
    });
    Object.assign(storage, {
      put: (...value: Parameters<typeof put>) => {
        others += 1;
        return put(...value);
      },
      // There is one value in the objects that are emptied here.
      deleteAll: () => {
        others += 1;
        return deleteAll();
      },
      setAlarm: (time: number) => {
        others += 1;
        return setAlarm(time);
      },
    });
  });
  // A cursor is read where it is at home.
  return () =>
    runInDurableObject(
      stub as never,
      () => others + cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0),
    );
}

/** How many rows an object reads while something is done in it. */
export async function rowsRead<T extends Rpc.DurableObjectBranded>(
  stub: DurableObjectStub<T>,
  work: (object: T) => unknown,
): Promise<number> {
  return runInDurableObject(stub as never, async (object, { storage: { sql } }) => {
    const { exec } = sql;
    const cursors: SqlStorageCursor<never>[] = [];
    const watched = (...statement: Parameters<typeof exec>) => {
      const cursor = exec.call(sql, ...statement);
      cursors.push(cursor as never);
      return cursor;
    };
    Object.assign(sql, { exec: watched });
    try {
      await work(object as unknown as T);
    } finally {
      Object.assign(sql, { exec });
    }
    return cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0);
  });
}

/** A method that was called, and whose it is: all tests share a runtime, and objects of others ring meanwhile. */
export type Called = { id: string; name: string };

/**
 * Notes which methods of all objects are called, alarms included, once they are done.
 *
 * @returns how to stop
 */
export function noteMethods(classes: readonly { prototype: object }[], called: Called[]): () => void {
  const restore = classes.map(({ prototype }) => {
    const methods = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
      ([name, { value }]) => name !== "constructor" && typeof value === "function",
    );
    for (const [name, { value: method }] of methods)
      Object.defineProperty(prototype, name, {
        configurable: true,
        writable: true,
        value(this: { ctx: DurableObjectState }, ...values: unknown[]) {
          const id = this.ctx.id.toString();
          const result = Reflect.apply(method, this, values);
          const done = () => void called.push({ id, name });
          Promise.resolve(result).then(done, done);
          return result;
        },
      });
    return () => {
      for (const [name, descriptor] of methods) Object.defineProperty(prototype, name, descriptor);
    };
  });
  return () => {
    for (const undo of restore) undo();
  };
}

/** The call logs and paces, whose calls are noted by name. */
export function countedObjects(trips: string[]): Pick<Env, "CALL_LOG" | "ACCOUNT_PACE"> {
  const counted = <Namespace extends Env["CALL_LOG"] | Env["ACCOUNT_PACE"]>(
    namespace: Namespace,
  ): Namespace =>
    new Proxy(namespace, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== "getByName") return typeof value === "function" ? value.bind(target) : value;
        return (object: string) =>
          new Proxy(target.getByName(object), {
            get(stub, method) {
              const found = Reflect.get(stub, method);
              if (typeof found !== "function") return found;
              return (...values: unknown[]) => {
                trips.push(String(method));
                return Reflect.apply(found, stub, values);
              };
            },
          });
      },
    });
  return { CALL_LOG: counted(env.CALL_LOG), ACCOUNT_PACE: counted(env.ACCOUNT_PACE) };
}

/** A call of a call log goes wrong: before it was carried out, or after, when only its answer is lost. */
export type LogFault = {
  method: "begin" | "note" | "forget" | "find";
  when: "before" | "after";
  times: number;
};

/** Call logs whose calls fail as told. */
export function brokenLogs({ method, when, times }: LogFault): Pick<Env, "CALL_LOG"> {
  let left = times;
  const getByName = (name: string) =>
    new Proxy(env.CALL_LOG.getByName(name), {
      get(stub, called) {
        const found = Reflect.get(stub, called);
        if (called !== method) return found;
        return async (...values: unknown[]) => {
          left -= 1;
          if (left >= 0 && when === "before") throw new Error("Network connection lost.");
          const answer = await Reflect.apply(found as typeof stub.begin, stub, values);
          if (left >= 0) throw new Error("Network connection lost.");
          return answer;
        };
      },
    });
  return { CALL_LOG: { getByName } as unknown as Env["CALL_LOG"] };
}
