import { describe, expect, it } from "vitest";
import { NumbersCsvError, numbersOf } from "../../sdk/cli/numbers-csv.ts";
import { OWN_NAMES } from "../../sdk/cli/own.ts";
import { CSV_HEADER, csvLine } from "../../src/bulk-imports/csv.ts";
import { numberFields } from "../../src/phone-numbers/schema.ts";

const ONE = "+447446466847";
const TWO = "+442079460958";
const utf8 = (text: string) => new TextEncoder().encode(text);
const utf16 = (text: string, mark = "\ufeff") => new Uint8Array(Buffer.from(mark + text, "utf16le"));

describe("a CSV file of numbers", () => {
  it.each<[string, Uint8Array]>([
    ["plain", utf8(`phone_number,external_id\n${ONE},a\n${TWO},\n`)],
    [
      "with Excel's line that names the separator",
      utf8(`sep=;\r\nphone_number;external_id\r\n${ONE};a\r\n${TWO};\r\n`),
    ],
    [
      "the same after a byte order mark",
      utf8(`\ufeffsep=,\r\nphone_number,external_id\r\n${ONE},a\r\n${TWO},\r\n`),
    ],
    ["as Unicode text of Excel", utf16(`phone_number\texternal_id\r\n${ONE}\ta\r\n${TWO}\t\r\n`)],
    [
      "in UTF-16 of the other order",
      utf16(`phone_number\texternal_id\r\n${ONE}\ta\r\n${TWO}\t\r\n`).map((_, i, all) => all[i ^ 1] ?? 0),
    ],
    ["after an empty line", utf8(`\r\nphone_number;external_id\r\n${ONE};a\r\n${TWO};\r\n`)],
    ["after a line of empty cells", utf8(`;\r\nphone_number;external_id\r\n${ONE};a\r\n${TWO};\r\n`)],
    ["with commas at each line's end", utf8(`phone_number,external_id,,\n${ONE},a,,\n${TWO},,,\n`)],
    ["without the empty cells at a row's end", utf8(`phone_number,external_id\n${ONE},a\n${TWO}\n`)],
    ["with lines that end as on old Macs", utf8(`phone_number,external_id\r${ONE},a\r${TWO},\r`)],
    ["with texts made of numbers", utf8(`phone_number,external_id\n"=""${ONE}""","=""a"""\n'${TWO},\n`)],
    [
      "with numbers as people write them",
      utf8("phone_number,external_id\n+44 (0)7446 466847,a\n0044 20 7946 0958,\n"),
    ],
  ])("is read %s", (_, file) => {
    expect(numbersOf(file)).toEqual([{ phone_number: ONE, external_id: "a" }, { phone_number: TWO }]);
  });

  it("may hold what is no separator there, and letters of the code page of Windows", () => {
    expect(numbersOf(utf8(`phone_number,external_id\r${ONE},"a;b"\r`))).toEqual([
      { phone_number: ONE, external_id: "a;b" },
    ]);
    const ansi = Uint8Array.from(Buffer.from(`phone_number;external_id\r\n${ONE};M\xfcller\r\n`, "latin1"));
    expect(numbersOf(ansi)).toEqual([{ phone_number: ONE, external_id: "Müller" }]);
  });

  it("may say what is each number's own", () => {
    const head =
      "phone_number,label,transferNumbers,channels,record,SMS reply,fallback,metadata.CRM,dynamic_vars.hours,dynamicVars.name,inbound_url_timeout_ms";
    const rows = [
      `${ONE},"Acme, Ltd",${TWO}|+15005550006,voice,yes,FALSE,${TWO},4711,9 to 5,Acme,2000`,
      `${TWO},,,,maybe,,Call again.,,,,soon`,
    ];
    expect(numbersOf(utf8([head, ...rows].join("\n")))).toEqual([
      {
        phone_number: ONE,
        label: "Acme, Ltd",
        transfer_numbers: [TWO, "+15005550006"],
        channels: ["voice"],
        record: true,
        sms_reply: false,
        fallback: { type: "dial", number: TWO },
        metadata: { CRM: "4711" },
        dynamic_vars: { hours: "9 to 5", name: "Acme" },
        inbound_url_timeout_ms: 2_000,
      },
      // What the API refuses, it explains.
      {
        phone_number: TWO,
        record: "maybe",
        fallback: { type: "say", text: "Call again." },
        inbound_url_timeout_ms: "soon",
      },
    ]);
  });

  it("knows each field that a number may have of its own", () => {
    expect([...OWN_NAMES].sort()).toEqual(Object.keys(numberFields).sort());
  });

  it("may be the results of an import", () => {
    const result = {
      phone_number: ONE,
      twilio_sid: `AC${"1".repeat(32)}`,
      agent_id: "agent_that_answers",
      requested_agent_id: "agent_asked_for",
      external_id: "=1+1",
    };
    const line = {
      ...result,
      twilio_number_sid: null,
      outcome: "failed",
      reason: null,
    } as unknown as Parameters<typeof csvLine>[0];
    expect(numbersOf(utf8(CSV_HEADER + csvLine(line)))).toEqual([
      {
        phone_number: ONE,
        twilio_sid: result.twilio_sid,
        agent_id: "agent_asked_for",
        external_id: "=1+1",
      },
    ]);
  });

  it.each([
    [
      "two columns of one meaning",
      `phone_number,phoneNumber\n${ONE},${TWO}\n`,
      "has two columns that mean phone_number.",
    ],
    ["a name within what has none", `phone_number,label.a\n${ONE},a\n`, 'has a column "label.a".'],
    ["an unknown column", `phone_number,agent\n${ONE},a\n`, 'has a column "agent".'],
    ["a token", `phone_number,twilio_token\n${ONE},a\n`, "A token does not belong into the file."],
    ["cells without a column", `phone_number\n${ONE},a\n`, "row 2 has 2 cells, not 1."],
    ["values under an empty name", `phone_number,\n${ONE},a\n`, 'has a column "".'],
    ["no column of numbers", "agent_id\na\n", "has no column phone_number."],
    ["no number in a row", "phone_number,agent_id\n,a\n", "has no phone_number in row 2."],
    ["no rows", "phone_number\n", "has no numbers."],
    ["too many rows", `phone_number\n${`${ONE}\n`.repeat(5_001)}`, "has 5001 numbers."],
  ])("is refused with %s", (_, text, words) => {
    expect(() => numbersOf(utf8(text))).toThrow(NumbersCsvError);
    expect(() => numbersOf(utf8(text))).toThrow(words);
  });
});
