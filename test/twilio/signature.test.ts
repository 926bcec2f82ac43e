import { describe, expect, it } from "vitest";
import { sign, verificationKey, verify } from "../../src/twilio/signature.ts";

// Vectors of Twilio's documentation and of its Node SDK's own tests, all with the token 12345.

const TOKEN = "12345";

const keysOf = (...tokens: string[]) => Promise.all(tokens.map((token) => verificationKey(token)));
const URL_ = "https://mycompany.com/myapp.php?foo=1&bar=2";
const PARAMETERS =
  "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const BODY_URL = `${URL_}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620`;
const BODY = '{"property": "value", "boolean": true}';

const vectors: [name: string, url: string, body: string, signature: string][] = [
  ["a form", URL_, PARAMETERS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="],
  ["port 443", "https://mycompany.com:443/myapp.php?foo=1&bar=2", PARAMETERS, "kvajT1Ptam85bY51eRf/AJRuM3w="],
  [
    "http port 80",
    "http://mycompany.com:80/myapp.php?foo=1&bar=2",
    PARAMETERS,
    "0ZXoZLH/DfblKGATFgpif+LLRf4=",
  ],
  [
    "another port",
    "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
    PARAMETERS,
    "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
  ],
  [
    "a repeated parameter",
    URL_,
    "MessagingBinding.Address=%2B1325xxxxxxx&MessagingBinding.Address=%2B1415xxxxxxx",
    "83O6e2vORAoJHUNzJjDWN1jz+BA=",
  ],
  [
    "a repeated parameter in another order",
    URL_,
    "MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx",
    "83O6e2vORAoJHUNzJjDWN1jz+BA=",
  ],
  [
    "a repeated value",
    URL_,
    "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
    "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
  ],
  ["a quote in the query", `${URL_}&Body=It's+amazing`, PARAMETERS, "TfZzewPq8wqrGlMfyAud8+/IvJ0="],
  [
    "an escaped quote in the query",
    `${URL_}&Body=It%27s+amazing`,
    PARAMETERS,
    "TfZzewPq8wqrGlMfyAud8+/IvJ0=",
  ],
  ["a JSON body", BODY_URL, BODY, "a9nBmqA0ju/hNViExpshrM61xv4="],
  [
    "an empty JSON body",
    `${URL_}&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a`,
    "{}",
    "Ldidvp12m26NI7eqEvxnEpkd9Hc=",
  ],
  [
    "the documentation's example",
    "https://example.com/myapp.php?foo=1&bar=2",
    PARAMETERS.replaceAll("%2B14158675309", "%2B14158675310"),
    "L/OH5YylLD5NRKLltdqwSvS0BnU=",
  ],
];

describe("verify", () => {
  it.each(vectors)("accepts %s", async (_, url, body, signature) => {
    expect(await verify(await keysOf(TOKEN), signature, { url, body })).toBe(true);
  });

  it("accepts a signature made with the standard port where there is none, and the other way round", async () => {
    const signed = await sign(TOKEN, "https://example.com:443/a", new URLSearchParams("b=c"));
    expect(await verify(await keysOf(TOKEN), signed, { url: "https://example.com/a", body: "b=c" })).toBe(
      true,
    );
    const plain = await sign(TOKEN, "https://example.com/a", new URLSearchParams("b=c"));
    expect(await verify(await keysOf(TOKEN), plain, { url: "https://example.com:443/a", body: "b=c" })).toBe(
      true,
    );
  });

  it("accepts any of several tokens", async () => {
    const request = { url: URL_, body: PARAMETERS };
    expect(await verify(await keysOf("other", TOKEN), "RSOYDt4T1cUTdK1PDd93/VVr8B8=", request)).toBe(true);
    expect(await verify(await keysOf("other"), "RSOYDt4T1cUTdK1PDd93/VVr8B8=", request)).toBe(false);
    expect(await verify([], "RSOYDt4T1cUTdK1PDd93/VVr8B8=", request)).toBe(false);
  });

  const good = { url: URL_, body: PARAMETERS, signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=" };
  it.each<[string, Partial<typeof good>]>([
    ["another path", { url: "https://mycompany.com/other.php?foo=1&bar=2" }],
    ["another host", { url: "https://yourcompany.com/myapp.php?foo=1&bar=2" }],
    ["another scheme", { url: "http://mycompany.com/myapp.php?foo=1&bar=2" }],
    ["a changed value", { body: PARAMETERS.replace("Digits=1234", "Digits=1235") }],
    ["a missing parameter", { body: PARAMETERS.replace("&Digits=1234", "") }],
    ["one parameter more", { body: `${PARAMETERS}&FromCity=` }],
    ["no parameters", { body: "" }],
    ["another signature", { signature: "RSOYDt4T1cUTdK1PDd93/VVr8B9=" }],
    ["a cut signature", { signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8" }],
    ["an empty signature", { signature: "" }],
    ["nonsense", { signature: "☎".repeat(28) }],
  ])("refuses %s", async (_, change) => {
    const { signature, ...request } = { ...good, ...change };
    expect(await verify(await keysOf(TOKEN), signature, request)).toBe(false);
  });

  it("refuses a JSON body that is not the hashed one", async () => {
    const signature = "a9nBmqA0ju/hNViExpshrM61xv4=";
    expect(
      await verify(await keysOf(TOKEN), signature, { url: BODY_URL, body: BODY.replace("true", "false") }),
    ).toBe(false);
  });

  it("has keys from which nobody can read the token", async () => {
    const [key] = await keysOf(TOKEN);
    expect(key).toMatchObject({ extractable: false, usages: ["verify"] });
  });

  it("trims nothing and drops no empty parameter", async () => {
    const parameters = new URLSearchParams({ Body: " padded\n", FromCity: "" });
    const signature = await sign(TOKEN, URL_, parameters);
    expect(await verify(await keysOf(TOKEN), signature, { url: URL_, body: parameters.toString() })).toBe(
      true,
    );
    expect(await verify(await keysOf(TOKEN), signature, { url: URL_, body: "Body=padded&FromCity=" })).toBe(
      false,
    );
  });
});
