import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signEvent, verifyEvent } from "../../src/events/signature.ts";

// The contract's known vector.
const SECRET = "nxfs_testsecret_0123456789abcdef";
const BODY = '{"event":"call.completed","call_id":"CA123"}';
const HEADER = "t=1755300000,v1=8244940dd2d19c8d603cfd55b40de1cd94b98de4aca1f56b98cdd5f44ea98031";
const at = (seconds: number) => new Date((1_755_300_000 + seconds) * 1000);

describe("signing an event", () => {
  it("gives the known signature", async () => {
    expect(await signEvent([SECRET], BODY, at(0.9))).toBe(HEADER);
  });

  it("signs with both secrets while one is being replaced, the present one first", async () => {
    const header = await signEvent(["nxws_new", SECRET], BODY, at(0));
    expect(header).toMatch(/^t=1755300000,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$/);
    expect(header.endsWith(HEADER.slice("t=1755300000,".length))).toBe(true);
    expect(await verifyEvent("nxws_new", BODY, header, at(0))).toBe(true);
    expect(await verifyEvent(SECRET, BODY, header, at(0))).toBe(true);
  });
});

describe("verifying an event", () => {
  it.each([
    ["at once", 0, true],
    ["after five minutes", 300, true],
    ["later than that", 301, false],
    ["from the future", -301, false],
  ])("%s", async (_, seconds, holds) => {
    expect(await verifyEvent(SECRET, BODY, HEADER, at(seconds))).toBe(holds);
  });

  it.each([
    ["another body", `${BODY} `, HEADER],
    ["another time", BODY, HEADER.replace("t=1755300000", "t=1755300001")],
    ["no time", BODY, HEADER.split(",")[1] ?? ""],
    ["no signature", BODY, "t=1755300000"],
    ["an empty header", BODY, ""],
    ["a cut signature", BODY, HEADER.slice(0, -1)],
    ["another scheme", BODY, HEADER.replace("v1=", "v0=")],
  ])("refuses %s", async (_, body, header) => {
    expect(await verifyEvent(SECRET, body, header, at(0))).toBe(false);
  });

  it("refuses another secret", async () => {
    expect(await verifyEvent("nxws_other", BODY, HEADER, at(0))).toBe(false);
  });

  it("accepts what was signed, whatever the body and the secret", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), fc.string(), async (secret, body) => {
        expect(await verifyEvent(secret, body, await signEvent([secret], body, at(0)), at(0))).toBe(true);
      }),
    );
  });
});
