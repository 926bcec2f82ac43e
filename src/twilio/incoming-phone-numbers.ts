import * as z from "zod/mini";
import {
  askTwilio,
  ofForm,
  type TwilioCredentials,
  type TwilioEndpoint,
  type TwilioRequest,
} from "./http.ts";
import { nextPage } from "./next-page.ts";

// If a field is not set, Twilio sends "" or null, depending on the field, or omits it. All three become "".
const text = z.pipe(
  z.nullish(z.string()),
  z.transform((value) => value ?? ""),
);

/**
 * The update parameters that this service may send, each with its field of the resource: everything that decides who
 * answers a number. `AccountSid` would transfer the number to another account, and the `Emergency…` parameters change
 * emergency calling, so neither may be listed here.
 */
export const FIELD_OF = {
  VoiceUrl: "voice_url",
  VoiceMethod: "voice_method",
  VoiceFallbackUrl: "voice_fallback_url",
  VoiceFallbackMethod: "voice_fallback_method",
  VoiceApplicationSid: "voice_application_sid",
  VoiceReceiveMode: "voice_receive_mode",
  TrunkSid: "trunk_sid",
  SmsUrl: "sms_url",
  SmsMethod: "sms_method",
  SmsFallbackUrl: "sms_fallback_url",
  SmsFallbackMethod: "sms_fallback_method",
  SmsApplicationSid: "sms_application_sid",
  StatusCallback: "status_callback",
  StatusCallbackMethod: "status_callback_method",
} as const;

export type UpdateParameter = keyof typeof FIELD_OF;
export const UPDATE_PARAMETERS = Object.keys(FIELD_OF) as UpdateParameter[];

type ConfigurationField = (typeof FIELD_OF)[UpdateParameter];

/** The fields that decide who answers a number; "" means not set. */
export type NumberConfiguration = Record<ConfigurationField, string>;

/** Builds a configuration: `value` gives the value of each parameter's field. */
export function configurationOf(value: (parameter: UpdateParameter) => string): NumberConfiguration {
  const entries = UPDATE_PARAMETERS.map((parameter) => [FIELD_OF[parameter], value(parameter)]);
  return Object.fromEntries(entries) as NumberConfiguration;
}

/** The parameters of an update with their values; an empty value clears the field. */
export type NumberUpdate = Partial<Record<UpdateParameter, string>>;

const configuration = Object.fromEntries(Object.values(FIELD_OF).map((field) => [field, text])) as Record<
  ConfigurationField,
  typeof text
>;

const incomingPhoneNumber = z.object({
  sid: z.string().check(z.regex(/^PN[0-9a-fA-F]{32}$/)),
  phone_number: z.string(),
  // If this has an unknown form, the number is accepted anyway.
  capabilities: z.catch(
    z.nullish(z.object({ voice: z.nullish(z.boolean()), sms: z.nullish(z.boolean()) })),
    null,
  ),
  ...configuration,
});

/**
 * The part of Twilio's IncomingPhoneNumber resource that decides who answers the number; "" means not set.
 * https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
 */
export type IncomingPhoneNumber = z.output<typeof incomingPhoneNumber>;

const page = z.object({
  // Each entry is validated by itself, so that an unreadable entry cannot hide the number that we look for.
  incoming_phone_numbers: z.array(z.unknown()),
  next_page_uri: z.nullish(z.string()),
});

export type IncomingPhoneNumbers = {
  /**
   * The account's number that is exactly `phoneNumber`, or undefined if the account does not have it.
   *
   * @param phoneNumber E.164
   * @throws TwilioError
   */
  find: (phoneNumber: string) => Promise<IncomingPhoneNumber | undefined>;
  /**
   * All numbers of the account, in pages of a thousand. `unreadable` holds the SIDs of entries with an unknown form.
   *
   * @throws TwilioError
   */
  pages: () => AsyncGenerator<{ numbers: IncomingPhoneNumber[]; unreadable: string[] }>;
  /** @throws TwilioError */
  fetch: (sid: string) => Promise<IncomingPhoneNumber>;
  /**
   * Changes the named fields and no others.
   *
   * @returns the resource after the update, as Twilio answers it
   * @throws TwilioError; after failure `unavailable` the change may or may not have taken effect
   */
  update: (sid: string, update: NumberUpdate) => Promise<IncomingPhoneNumber>;
};

const MAX_PAGE_SIZE = 1000;
const PAGE_SIZE = 50;
// Twilio's filter is a pattern, so a short number may match many longer ones. 20 pages of 50 are more than enough.
const MAX_PAGES = 20;

const namedNumber = z.object({ ...incomingPhoneNumber._zod.def.shape, friendly_name: text });
export type NamedNumber = z.output<typeof namedNumber>;

/** Where a page of the list begins, as Twilio says it. */
export type ListPosition = { page: string; token: string };

/**
 * A page of an account's numbers, with their names. What cannot be read is left out.
 *
 * @param after of the page before
 * @throws TwilioError
 */
export async function readNumbersPage(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
  size: number,
  after: ListPosition | undefined,
): Promise<{ numbers: NamedNumber[]; next: ListPosition | undefined }> {
  const list = `/2010-04-01/Accounts/${credentials.accountSid}/IncomingPhoneNumbers.json`;
  const query = new URLSearchParams({
    PageSize: String(size),
    ...(after && { Page: after.page, PageToken: after.token }),
  });
  const answer = await askTwilio(page, endpoint, credentials, { method: "GET", path: `${list}?${query}` });
  const path = nextPage(answer.next_page_uri, endpoint.baseUrl, list);
  const next = path === undefined ? undefined : new URL(path, endpoint.baseUrl).searchParams;
  return {
    numbers: answer.incoming_phone_numbers.flatMap((entry) => namedNumber.safeParse(entry).data ?? []),
    next: next && { page: next.get("Page") ?? "", token: next.get("PageToken") ?? "" },
  };
}

/** The address of one number's resource. */
export function numberUrl(apiBaseUrl: string, accountSid: string, sid: string): string {
  return `${apiBaseUrl}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${sid}.json`;
}

/** The IncomingPhoneNumbers of one Twilio account. Creating this makes no call. */
export function incomingPhoneNumbers(
  endpoint: TwilioEndpoint,
  credentials: TwilioCredentials,
): IncomingPhoneNumbers {
  const list = `/2010-04-01/Accounts/${credentials.accountSid}/IncomingPhoneNumbers`;
  const ask = <Schema extends z.ZodMiniType>(schema: Schema, request: TwilioRequest) =>
    askTwilio(schema, endpoint, credentials, request);

  return {
    async find(phoneNumber) {
      const query = new URLSearchParams({ PhoneNumber: phoneNumber, PageSize: String(PAGE_SIZE) });
      let path: string | undefined = `${list}.json?${query}`;
      for (let pages = 0; path !== undefined && pages < MAX_PAGES; pages += 1) {
        const answer = await ask(page, { method: "GET", path });
        const match = answer.incoming_phone_numbers.find((entry) => phoneNumberOf(entry) === phoneNumber);
        if (match !== undefined) return ofForm(incomingPhoneNumber, match);
        path = nextPage(answer.next_page_uri, endpoint.baseUrl, `${list}.json`);
      }
      return undefined;
    },

    async *pages() {
      let path: string | undefined = `${list}.json?PageSize=${MAX_PAGE_SIZE}`;
      while (path !== undefined) {
        const answer: z.output<typeof page> = await ask(page, { method: "GET", path });
        const entries = answer.incoming_phone_numbers.map(
          (entry) => [entry, incomingPhoneNumber.safeParse(entry)] as const,
        );
        yield {
          numbers: entries.flatMap(([, result]) => (result.success ? [result.data] : [])),
          unreadable: entries.flatMap(([entry, result]) => (result.success ? [] : [sidOf(entry)])),
        };
        path = nextPage(answer.next_page_uri, endpoint.baseUrl, `${list}.json`);
      }
    },

    fetch: (sid) => ask(incomingPhoneNumber, { method: "GET", path: `${list}/${sid}.json` }),

    update: (sid, update) =>
      ask(incomingPhoneNumber, { method: "POST", path: `${list}/${sid}.json`, form: { ...update } }),
  };
}

function sidOf(entry: unknown): string {
  return typeof entry === "object" && entry !== null && "sid" in entry ? String(entry.sid) : "";
}

function phoneNumberOf(entry: unknown): unknown {
  return typeof entry === "object" && entry !== null && "phone_number" in entry
    ? entry.phone_number
    : undefined;
}
