import * as z from "zod/mini";
import { TwilioError } from "./errors.ts";
import {
  askTwilio,
  callTwilio,
  ifThere,
  type TwilioCredentials,
  type TwilioEndpoint,
  type TwilioRequest,
} from "./http.ts";
import { productOrigin, regionOf, US1 } from "./regions.ts";
import { SIGNED_CONNECTION } from "./webhook-urls.ts";

// Twilio's Webhooks configuration API (public beta): who signs and how it is sent, by the URL of a webhook.
// https://www.twilio.com/docs/usage/webhooks/webhook-configuration

export type Kind = "Rules" | "Settings" | "SharedKeys";

const text = z.nullish(z.string());
const resource = z.object({
  id: z.string().check(z.regex(/^\w{1,100}$/)),
  friendlyName: text,
  matchType: z.optional(z.enum(["EXACT_MATCH", "PREFIX_MATCH", "DEFAULT"])),
  value: text,
  prefix: text,
  settings: z.optional(z.array(z.object({ settingId: z.string() }))),
  signature: z.nullish(z.object({ sharedKeyId: text })),
  createdAt: text,
  /** Of an operation: whether a change of a rule is in force yet. */
  status: text,
});
export type WebhookResource = z.output<typeof resource>;

const page = z.looseObject({ meta: z.object({ key: z.string() }) });
const withRule = z.object({ rule: resource });
const withSecret = z.object({ id: z.string(), secret: z.string().check(z.minLength(1)) });

/** An account has at most so many of each kind; and the newest operation is enough. */
const MAX_RESOURCES = 50;
const INVALID = 59000; // https://www.twilio.com/docs/api/errors/59000

/**
 * The bodies that make the three. Of some, Twilio's pages and its SDKs disagree: if the first form is refused, the next is
 * tried.
 */
export const BODIES = {
  SharedKeys: (friendlyName: string): object[] => [{ friendlyName }, { friendlyName, type: "SYMMETRIC" }],
  Settings: (friendlyName: string, sharedKeyId: string): object[] => {
    const signature = { type: "SHARED_KEY", sharedKeyId, algorithm: "HMAC_SHA256" };
    // What a signature proves, no password must. One that nobody checks is sent if there has to be one.
    const basic = { scheme: "BASIC", username: "nixflex", password: "not-checked" };
    return [{ scheme: "NONE" }, basic].map((value) => ({
      friendlyName,
      auth: { source: "INLINE", value },
      signature,
      connection: SIGNED_CONNECTION,
    }));
  },
  Rules: (friendlyName: string, prefix: string, settingId: string): object[] => [
    { friendlyName, matchType: "PREFIX_MATCH", prefix, settings: [{ settingId, percentage: 100 }] },
  ],
};

export type WebhooksApi = ReturnType<typeof webhooksApi>;

/** @throws TwilioError outside US1, where it is not known to be */
export function webhooksApi(endpoint: TwilioEndpoint, credentials: TwilioCredentials) {
  if (regionOf(endpoint) !== US1)
    throw new TwilioError("Webhook Rules are used in US1 only", { failure: "rejected" });
  const webhooks = { ...endpoint, baseUrl: productOrigin(endpoint, "webhooks") };
  const to = (method: TwilioRequest["method"], path: string, json?: object) =>
    ({ method, path: `/v1/Webhooks/${path}`, ...(json && { json }) }) as const;

  async function list(of: string): Promise<WebhookResource[]> {
    const path = `/v1/Webhooks/${of}${of.includes("?") ? "&" : "?"}pageSize=${MAX_RESOURCES}`;
    const parsed = page.safeParse(await callTwilio(webhooks, credentials, { method: "GET", path }));
    const entries = parsed.success ? parsed.data[parsed.data.meta.key] : undefined;
    if (!Array.isArray(entries))
      throw new TwilioError(`Twilio's list of ${of} has an unknown form`, {
        failure: "unavailable",
        status: 200,
      });
    // Those of a new kind are left out.
    return entries.flatMap((entry) => resource.safeParse(entry).data ?? []);
  }

  async function create<Schema extends z.ZodMiniType>(schema: Schema, kind: Kind, bodies: object[]) {
    const [body, ...others] = bodies;
    try {
      return await askTwilio(schema, webhooks, credentials, to("POST", kind, body));
    } catch (error) {
      const isForm = error instanceof TwilioError && error.facts.twilioCode === INVALID;
      if (!isForm || others.length === 0) throw error;
      return create(schema, kind, others);
    }
  }
  return {
    list: (kind: Kind) => list(kind),
    /** The newest change of a rule; undefined if Twilio has forgotten it, after a week. */
    operationOf: async (ruleId: string) => (await list(`Operations?resourceId=${ruleId}`))[0],
    createSharedKey: (name: string) => create(withSecret, "SharedKeys", BODIES.SharedKeys(name)),
    createSetting: (name: string, keyId: string) =>
      create(resource, "Settings", BODIES.Settings(name, keyId)),
    createRule: async (name: string, prefix: string, settingId: string) =>
      (await create(withRule, "Rules", BODIES.Rules(name, prefix, settingId))).rule,
    pointRule: (ruleId: string, settingId: string) =>
      callTwilio(
        webhooks,
        credentials,
        to("PATCH", `Rules/${ruleId}`, { settings: [{ settingId, percentage: 100 }] }),
      ),
    /** What is gone already is no error. */
    remove: (kind: Kind, id: string) =>
      ifThere(callTwilio(webhooks, credentials, to("DELETE", `${kind}/${id}`))),
  };
}
