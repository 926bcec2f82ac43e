import { parse, stringify } from "node:querystring";
import fc from "fast-check";
import twilio from "twilio";
import { describe, expect, it } from "vitest";
import { sharedKeyOf, sign, verificationKey, verify } from "../../src/twilio/signature.ts";

// Holds our signatures to those of Twilio's own SDK, over whatever URLs and parameters there may be.

const TOKEN = "12345";

const keysOf = (...tokens: string[]) => Promise.all(tokens.map((token) => verificationKey(token)));

const host = fc.constantFrom("example.com", "sub.example.co.uk", "xn--bcher-kva.example", "127.0.0.1");
const port = fc.constantFrom("", ":443", ":80", ":8443");
const segment = fc.stringMatching(/^[A-Za-z0-9_.~'()*-]{0,12}$/);
const query = fc.array(
  fc.tuple(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[A-Za-z0-9'()*%20+-]{0,10}$/)),
  {
    maxLength: 3,
  },
);

const url = fc
  .tuple(fc.constantFrom("https", "http"), host, port, fc.array(segment, { maxLength: 3 }), query)
  .map(([scheme, name, at, path, pairs]) => {
    const search = pairs.map(([key, value]) => `${key}=${value.replace(/%(?!20)/g, "")}`).join("&");
    return `${scheme}://${name}${at}/${path.join("/")}${search && `?${search}`}`;
  })
  .filter((text) => !text.includes("bodySHA256"));

const parameters = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 12 }).filter((key) => key !== "__proto__"),
  fc.oneof(fc.string({ unit: "grapheme" }), fc.array(fc.string(), { minLength: 2, maxLength: 4 })),
  { maxKeys: 6 },
);

const algorithm = fc.constantFrom("HMAC_SHA1" as const, "HMAC_SHA256" as const);

type Parameters = Record<string, string | string[]>;

function form(values: Parameters): URLSearchParams {
  return new URLSearchParams(
    Object.entries(values).flatMap(([key, value]) =>
      [value].flat().map((single): [string, string] => [key, single]),
    ),
  );
}

describe("sign", () => {
  it("is what the SDK expects, by each algorithm", async () => {
    await fc.assert(
      fc.asyncProperty(url, parameters, algorithm, async (address, values, by) => {
        const signature = await sign(TOKEN, address, form(values), by);
        expect(twilio.validateRequest(TOKEN, signature, address, values, by)).toBe(true);
      }),
    );
  });
});

describe("verify", () => {
  it("accepts what the SDK accepts, in each spelling of the URL it tries, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(url, url, parameters, fc.boolean(), async (received, other, values, same) => {
        const normalised = new URL(received).toString();
        const anew = normalised.replace(/(?<=\?).*/, (text) => stringify(parse(text)));
        const spellings = [received, normalised, anew, withoutPort(received), withoutPort(anew)];
        for (const signed of same ? spellings : [other]) {
          const signature = await sign(TOKEN, signed, form(values));
          const ours = await verify(await keysOf(TOKEN), signature, {
            url: received,
            body: form(values).toString(),
          });
          expect(ours).toBe(twilio.validateRequest(TOKEN, signature, received, values));
        }
      }),
    );
  });

  it("tries several keys, each by its own algorithm only, and agrees with the SDK about each", async () => {
    const key = fc.record({ secret: fc.constantFrom(TOKEN, "another", "a third"), by: algorithm });
    const keys = fc.array(key, { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        url,
        parameters,
        keys,
        key,
        fc.boolean(),
        async (address, values, known, used, isChanged) => {
          const signature = await sign(used.secret, address, form(values), used.by);
          const received = isChanged ? { ...values, Digits: "changed" } : values;
          const imported = known.map(({ secret, by }) => verificationKey(secret, by));
          const request = { url: address, body: form(received).toString() };
          const ours = await verify(await Promise.all(imported), signature, request);
          const theirs = known.map(({ secret, by }) =>
            twilio.validateRequest(secret, signature, address, received, by),
          );
          expect(ours).toBe(theirs.includes(true));
        },
      ),
      { numRuns: Number(process.env.VERDICTS ?? 200) },
    );
  });

  it("judges JSON bodies as the SDK does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), fc.boolean(), async (body, tampered) => {
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body)));
        const address = `https://example.com/a?bodySHA256=${Buffer.from(hash).toString("hex")}`;
        const signature = await sign(TOKEN, address, new URLSearchParams());
        const received = tampered ? `${body} ` : body;
        const ours = await verify(await keysOf(TOKEN), signature, { url: address, body: received });
        expect(ours).toBe(twilio.validateRequestWithBody(TOKEN, signature, address, received));
        expect(ours).toBe(!tampered);
      }),
    );
  });
});

describe("the base64 of a signature", () => {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  it("has one spelling: its unused bits are zero", async () => {
    const signature = await sign(TOKEN, "https://example.com/", new URLSearchParams());
    const last = ALPHABET.indexOf(signature.at(-2) ?? "");
    const request = { url: "https://example.com/", body: "" };
    const verdicts = [0, 1, 2, 3].map(async (bits) => {
      const spelt = `${signature.slice(0, -2)}${ALPHABET[last + bits]}=`;
      return verify(await keysOf(TOKEN), spelt, request);
    });
    expect(await Promise.all(verdicts)).toEqual([true, false, false, false]);
  });
});

describe("sharedKeyOf", () => {
  it.each([
    [undefined, undefined],
    ["", undefined],
    ["algorithm=HMAC_SHA256", undefined],
    ["key=webhooks_sharedkey_1,algorithm=HMAC_SHA256", "webhooks_sharedkey_1"],
    ["algorithm=HMAC_SHA1, key = webhooks_sharedkey_1", "webhooks_sharedkey_1"],
    ["nokey=x", undefined],
    [`key=${"k".repeat(200)}`, "k".repeat(100)],
  ])("%s names %s", (header, key) => {
    expect(sharedKeyOf(header)).toBe(key);
  });
});

function withoutPort(address: string): string {
  return address.replace(/^(\w+:\/\/[^/:]+):\d+/, "$1");
}
