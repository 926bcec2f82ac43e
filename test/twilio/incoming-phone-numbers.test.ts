import { describe, expect, it, vi } from "vitest";
import { TwilioError } from "../../src/twilio/errors.ts";
import { incomingPhoneNumbers } from "../../src/twilio/incoming-phone-numbers.ts";

const CREDENTIALS = { accountSid: `AC${"1".repeat(32)}`, authToken: "token" };
const LIST = `/2010-04-01/Accounts/${CREDENTIALS.accountSid}/IncomingPhoneNumbers.json`;
const numbers = incomingPhoneNumbers(
  { baseUrl: "https://api.dublin.ie1.twilio.com", timeoutMs: 1000 },
  CREDENTIALS,
);

/** Replaces fetch by one that gives these answers in turn, and keeps the requests. */
function answers(...responses: (() => Response)[]): Request[] {
  const requests: Request[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    requests.push(new Request(input, init));
    return responses[requests.length - 1]?.() ?? new Response(null, { status: 500 });
  });
  return requests;
}

const json = (body: unknown) => () => Response.json(body);
const entry = (phone_number: string) => ({ sid: `PN${"2".repeat(32)}`, phone_number });

describe("find", () => {
  it("asks the configured host, with the pattern encoded and the credentials in Basic", async () => {
    const [request] = await (async () => {
      const requests = answers(
        json({ incoming_phone_numbers: [entry("+447446466847")], next_page_uri: null }),
      );
      expect(await numbers.find("+447446466847")).toMatchObject({
        phone_number: "+447446466847",
        voice_url: "",
      });
      return requests;
    })();
    expect(request?.url).toBe(
      `https://api.dublin.ie1.twilio.com${LIST}?PhoneNumber=%2B447446466847&PageSize=50`,
    );
    expect(request?.headers.get("authorization")).toBe(`Basic ${btoa(`${CREDENTIALS.accountSid}:token`)}`);
    expect(request?.redirect).toBe("manual");
  });

  it.each([
    "https://evil.example/next",
    "//evil.example/next",
    "https://api.twilio.com/2010-04-01/Accounts.json",
    `/2010-04-01/Accounts/AC${"9".repeat(32)}/IncomingPhoneNumbers.json?Page=1`,
    "/",
    "http://api.dublin.ie1.twilio.com/",
    "::::",
  ])("does not follow a next page to %s", async (next_page_uri) => {
    const requests = answers(json({ incoming_phone_numbers: [], next_page_uri }));
    await expect(numbers.find("+447446466847")).rejects.toThrow(TwilioError);
    expect(requests).toHaveLength(1);
  });

  it("gives up on a list without end", async () => {
    const page = json({ incoming_phone_numbers: [entry("+1")], next_page_uri: `${LIST}?Page=1` });
    const requests = answers(...Array<() => Response>(50).fill(page));
    expect(await numbers.find("+447446466847")).toBeUndefined();
    expect(requests).toHaveLength(20);
  });

  it("is not distracted by strange neighbours", async () => {
    answers(json({ incoming_phone_numbers: [null, 12, {}, { phone_number: null }, entry("+447446466847")] }));
    expect(await numbers.find("+447446466847")).toMatchObject({ phone_number: "+447446466847" });
  });

  it.each<[string, unknown]>([
    ["null", null],
    ["no list", {}],
    ["a list of another type", { incoming_phone_numbers: "none" }],
    ["a number without a SID", { incoming_phone_numbers: [{ phone_number: "+447446466847" }] }],
    [
      "a SID that is a path",
      { incoming_phone_numbers: [{ ...entry("+447446466847"), sid: "../../Accounts" }] },
    ],
    ["a URL of another type", { incoming_phone_numbers: [{ ...entry("+447446466847"), voice_url: 12 }] }],
  ])("takes no answer for an answer that is of another form: %s", async (_, body) => {
    answers(json(body));
    await expect(numbers.find("+447446466847")).rejects.toMatchObject({ facts: { failure: "unavailable" } });
  });
});
