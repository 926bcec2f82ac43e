import { describe, expect, it } from "vitest";
import spec from "./openapi.json" with { type: "json" };
import { faultsOf, SENT } from "./requests.ts";

const sid = (prefix: string) => prefix + "0".repeat(32);
const ACCOUNT = `/2010-04-01/Accounts/${sid("AC")}`;
const CALL = { From: "+15005550006", To: "+15005550009", Url: "https://a.example/" };

const ask = (method: string, path: string, form?: Record<string, string>, host = "api.twilio.com") =>
  faultsOf(new Request(`https://${host}${path}`, { method, body: form ? new URLSearchParams(form) : null }));

describe("a request to Twilio", () => {
  it.each([
    ["GET", `${ACCOUNT}/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550006&PageSize=1000`, undefined],
    ["POST", `${ACCOUNT}/IncomingPhoneNumbers/${sid("PN")}.json`, { VoiceUrl: "", TrunkSid: "" }],
    ["POST", `${ACCOUNT}/Calls.json`, CALL],
    ["GET", `${ACCOUNT}/Recordings/${sid("RE")}.mp3`, undefined],
  ])("is as Twilio's document says: %s %s", async (method, path, form) => {
    expect(await ask(method, path, form)).toEqual([]);
    expect(await ask(method, path, form, "api.dublin.ie1.twilio.com")).toEqual([]);
  });

  it.each([
    ["is at no other product", "GET", "/v1/Services", undefined, "no such request"],
    ["is in the document", "GET", `${ACCOUNT}/Queues.json`, undefined, "no such request"],
    [
      "has a SID of the right kind",
      "GET",
      `${ACCOUNT}/IncomingPhoneNumbers/PN1.json`,
      undefined,
      "Sid is not like",
    ],
    [
      "has no parameter of another's",
      "GET",
      `${ACCOUNT}/Calls.json?Colour=red`,
      undefined,
      "no query parameter Colour",
    ],
    [
      "has no field of another's",
      "POST",
      `${ACCOUNT}/Calls.json`,
      { ...CALL, Colour: "red" },
      "no form parameter Colour",
    ],
    [
      "has what must be there",
      "POST",
      `${ACCOUNT}/Calls.json`,
      { From: CALL.From, Url: CALL.Url },
      "To is required",
    ],
    [
      "has a value of the list",
      "POST",
      `${ACCOUNT}/Calls.json`,
      { ...CALL, Method: "PUT" },
      "Method is none of GET, POST",
    ],
    ["has a URL", "POST", `${ACCOUNT}/Calls.json`, { ...CALL, Url: "a" }, "Url is no URI"],
    [
      "clears no field of a call",
      "POST",
      `${ACCOUNT}/Calls.json`,
      { ...CALL, StatusCallback: "" },
      "StatusCallback is no URI",
    ],
    [
      "asks for no more than there is",
      "GET",
      `${ACCOUNT}/Calls.json?PageSize=1001`,
      undefined,
      "is not from 1 to 1000",
    ],
    ["asks for a number", "GET", `${ACCOUNT}/Calls.json?PageSize=x`, undefined, "is no number"],
    [
      "has a SID of the right length",
      "POST",
      `${ACCOUNT}/IncomingPhoneNumbers/${sid("PN")}.json`,
      { TrunkSid: "TK1" },
      "TrunkSid is not like",
    ],
    ["was looked at", "GET", `${ACCOUNT}/Recordings/${sid("RE")}.json`, undefined, "is new"],
    [
      "gives no number away",
      "POST",
      `${ACCOUNT}/IncomingPhoneNumbers/${sid("PN")}.json`,
      { AccountSid: sid("AC") },
      "AccountSid is new",
    ],
  ])("%s", async (_, method, path, form, fault) => {
    expect(await ask(method, path, form as Record<string, string> | undefined)).toEqual([
      expect.stringContaining(fault),
    ]);
  });
});

it("the list has nothing that Twilio's document has not", () => {
  const described = Object.entries(spec.paths).flatMap(([path, operations]) =>
    Object.entries(operations as object).map(([method, operation]) => {
      const text = JSON.stringify(operation);
      return [`${method.toUpperCase()} ${path}`, text] as const;
    }),
  );
  const documents = new Map<string, string>(described);
  for (const [route, parameters] of Object.entries(SENT))
    for (const name of parameters) expect(documents.get(route), route).toContain(`"${name}"`);
  expect([...documents.keys()]).toEqual(expect.arrayContaining(Object.keys(SENT)));
});
