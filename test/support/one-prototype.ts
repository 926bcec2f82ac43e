// The test pool wraps the prototype of its Durable Object class in one more Proxy for each object that it constructs
// (createProxyPrototypeClass of @cloudflare/vitest-pool-workers 0.22.0 and 0.23.0), so that each call to an object takes
// longer than the one before. Here its prototype is wrapped once.

const wrappedPrototypes = new WeakSet<object>();

const isPoolPrototype = (target: object): boolean =>
  Object.hasOwn(target, "constructor") && target.constructor.name === "Class";

globalThis.Proxy = new Proxy(Proxy, {
  construct(original, [target, handler]: [object, ProxyHandler<object>]) {
    if (wrappedPrototypes.has(target)) return target;
    const proxy = new original(target, handler);
    if (isPoolPrototype(target)) wrappedPrototypes.add(proxy);
    return proxy;
  },
});
