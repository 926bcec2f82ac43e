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
