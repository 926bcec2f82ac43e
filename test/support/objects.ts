import { env } from "cloudflare:workers";

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
