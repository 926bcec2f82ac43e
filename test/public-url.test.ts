import { describe, expect, it } from "vitest";
import { brokenRule, isPublicUrl } from "../src/public-url.ts";

const ownUrls = ["https://numbers.example.com", "https://former.example.com"];

describe("a customer's URL", () => {
  it.each([
    "https://customer.example/events",
    "https://customer.example:8443/events?x=1#y",
    "https://hooks.sub.customer.co.uk",
    "https://CUSTOMER.example./",
    "https://xn--bcher-kva.example/",
    "https://localhost.example.com/",
    "https://10.example.com/",
    "https://other.numbers.example.com/",
  ])("may be %s", (url) => {
    expect(isPublicUrl(url, { protocol: "https:", ownUrls })).toBe(true);
  });

  it.each([
    "",
    "customer.example",
    "//customer.example",
    "http://customer.example",
    "ftp://customer.example",
    "wss://customer.example",
    "javascript:alert(1)",
    "https://user@customer.example",
    "https://user:password@customer.example",
    "https://:password@customer.example",
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://8.8.8.8/",
    "https://１２７.０.０.１/",
    "https://[::1]/",
    "https://[2001:db8::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://localhost/",
    "https://localhost./",
    "https://LOCALHOST:8787/",
    "https://localhost../",
    "https://db.internal../",
    "https://.customer.example/",
    "https://a..customer.example/",
    "https://customer.example/a\nb",
    "https://customer.example/a\tb",
    "https://api.localhost/",
    "https://router/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://db.internal./",
    "https://nas.lan/",
    "https://host.home.arpa/",
    "https://example.onion/",
    "https://numbers.example.com/webhooks",
    "https://numbers.example.com:444/",
    "https://NUMBERS.example.com./",
    "https://former.example.com/webhooks",
    "https://db.svc/",
    "https://router.asus/",
    "https://fritz.box/",
    "https://consul.service.consul/",
    "https://127.0.0.1.nip.io/",
    "https://customer.example:22/",
    "https://customer.example:25/",
    "https://",
    "https:///",
    "https://\u0000.example/",
  ])("may not be %s", (url) => {
    expect(isPublicUrl(url, { protocol: "https:", ownUrls })).toBe(false);
  });

  it("may be on this machine only where that is allowed, and even then not ourselves", () => {
    const local = { protocol: "https:", ownUrls: ["http://localhost:8787"], allowLocal: true } as const;
    expect(isPublicUrl("http://localhost:3000/events", local)).toBe(true);
    expect(isPublicUrl("http://127.0.0.1:3000/events", local)).toBe(true);
    expect(isPublicUrl("http://localhost:3000/events", { ...local, allowLocal: false })).toBe(false);
    expect(isPublicUrl("http://localhost:8787/webhooks", local)).toBe(false);
    expect(isPublicUrl("http://10.0.0.1/events", local)).toBe(false);
    expect(isPublicUrl("http://user@localhost:3000/", local)).toBe(false);
  });

  it("is a wss URL for a runtime", () => {
    expect(isPublicUrl("wss://runtime.example/relay", { protocol: "wss:" })).toBe(true);
    expect(isPublicUrl("ws://runtime.example/relay", { protocol: "wss:" })).toBe(false);
    expect(isPublicUrl("https://runtime.example/relay", { protocol: "wss:" })).toBe(false);
  });
});

describe("a URL that is refused says which rule it breaks", () => {
  const rules = { protocol: "https:", ownUrls: ["https://numbers.example.com"] } as const;

  it.each([
    ["https://a.example/\tx", "control_character"],
    ["example.com/hook", "not_absolute"],
    ["https:a.example/x", "not_absolute"],
    ["https:\\\\a.example", "not_absolute"],
    ["https://user:pass@a.example/", "credentials"],
    ["http://a.example/", "protocol"],
    ["https://numbers.example.com/hook", "own_host"],
    ["https://localhost/hook", "local_host"],
    ["https://127.0.0.1/hook", "local_host"],
    ["https://10.0.0.1/hook", "private_host"],
    ["https://printer.local/hook", "private_host"],
    ["https://a.example\\@127.0.0.1/", undefined],
    ["https://a.example/b c", undefined],
  ])("%j: %s", (url, rule) => {
    expect(brokenRule(url, rules)).toBe(rule);
  });
});
