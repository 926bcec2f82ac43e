import spec from "./openapi.json" with { type: "json" };

// What this service may send to Twilio: valid by Twilio's own OpenAPI document, and nothing that is not in this list. A
// new request or parameter is looked at before it is added here: what does it cost, and whom could it harm?

const V2010 = "/2010-04-01/Accounts/{AccountSid}";
const NUMBER = `${V2010}/IncomingPhoneNumbers/{Sid}.json`;
/** Of lists; those of the next page come from Twilio. */
const PAGES = ["PageSize", "Page", "PageToken"];
const COMMON = ["Url", "Method", "FallbackUrl", "FallbackMethod"];

/** The parameters of each request. */
export const SENT: Readonly<Record<string, readonly string[]>> = {
  "GET /2010-04-01/Accounts.json": ["Status", ...PAGES],
  "GET /2010-04-01/Accounts/{Sid}.json": [],
  [`GET ${V2010}/IncomingPhoneNumbers.json`]: ["PhoneNumber", ...PAGES],
  [`GET ${NUMBER}`]: [],
  // Never AccountSid, which gives the number away, nor Emergency….
  [`POST ${NUMBER}`]: [
    ...["VoiceUrl", "VoiceMethod", "VoiceFallbackUrl", "VoiceFallbackMethod", "VoiceApplicationSid"],
    ...["VoiceReceiveMode", "TrunkSid", "StatusCallback", "StatusCallbackMethod"],
    ...["SmsUrl", "SmsMethod", "SmsFallbackUrl", "SmsFallbackMethod", "SmsApplicationSid"],
  ],
  [`POST ${V2010}/Calls.json`]: [
    ...["From", "To", ...COMMON, "StatusCallback", "StatusCallbackMethod", "StatusCallbackEvent"],
    ...["MachineDetection", "AsyncAmd", "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod"],
  ],
  [`GET ${V2010}/Calls.json`]: ["From", "PageSize"],
  [`POST ${V2010}/Calls/{Sid}.json`]: ["Twiml", "Status"],
  [`POST ${V2010}/Messages.json`]: ["From", "To", "Body", "MessagingServiceSid", "StatusCallback"],
  [`GET ${V2010}/Messages.json`]: ["To", "PageSize"],
  [`DELETE ${V2010}/Recordings/{Sid}.json`]: [],
  "GET /v1/Services": PAGES,
  "GET /v1/Services/{ServiceSid}/PhoneNumbers": PAGES,
  "GET /v1/Services/{ServiceSid}/PhoneNumbers/{Sid}": [],
  "GET /v1/Services/{MessagingServiceSid}/Compliance/Usa2p": PAGES,
  "GET /v1/Tollfree/Verifications": PAGES,
  "GET /v2/PhoneNumbers/{PhoneNumber}": [],
};

/**
 * In Twilio's documentation, not in its document. https://www.twilio.com/docs/voice/api/recording,
 * https://www.twilio.com/docs/usage/webhooks/webhook-rules
 */
const UNSPECIFIED = [
  /^GET \/2010-04-01\/Accounts\/AC[0-9a-fA-F]{32}\/Recordings\/RE[0-9a-fA-F]{32}\.mp3$/,
  // The simulator refuses what their bodies must not have.
  /^(?:GET|POST) \/v1\/Webhooks\/(?:SharedKeys|Settings|Rules)$/,
  /^DELETE \/v1\/Webhooks\/(?:SharedKeys|Settings|Rules)\/webhooks_[a-z]+_\w{26}$/,
  /^PATCH \/v1\/Webhooks\/Rules\/webhooks_rule_\w{26}$/,
  /^GET \/v1\/Webhooks\/Operations$/,
];

type Schema = {
  type?: string;
  format?: string;
  pattern?: string;
  enum?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
};
type Parameter = { name: string; in: string; required?: boolean; schema: Schema };
type Described = {
  parameters: Parameter[];
  requestBody?: {
    content: Record<string, { schema: { properties: Record<string, Schema>; required?: string[] } }>;
  };
};
type Found = { route: string; operation: Described; path: Record<string, string> };

const FORM = "application/x-www-form-urlencoded";

/** What is wrong with a request to Twilio, in words. */
export async function faultsOf(request: Request): Promise<string[]> {
  const { method } = request;
  const url = new URL(request.url);
  if (UNSPECIFIED.some((known) => known.test(`${method} ${url.pathname}`))) return [];
  const found = find(method, url);
  if (!found) return [`${method} ${url.host}${url.pathname}: Twilio's document has no such request`];
  const { route, operation, path } = found;
  const known = SENT[route];
  if (!known) return [`${route} is new: look at it, and add it to test/twilio-simulator/requests.ts`];
  const body = operation.requestBody?.content[FORM]?.schema;
  const hasForm = request.headers.get("content-type")?.startsWith(FORM) ?? false;
  const form = new URLSearchParams(
    hasForm ? new TextDecoder().decode(await request.clone().arrayBuffer()) : "",
  );
  const faults: string[] = [];
  const check = (place: string, sent: Iterable<[string, string]>, schemas: Record<string, Schema>) => {
    for (const [name, value] of sent) {
      const schema = schemas[name];
      if (!schema) faults.push(`${route}: Twilio's document has no ${place} parameter ${name}`);
      else if (place !== "path" && !known.includes(name)) faults.push(`${route}: ${name} is new: look at it`);
      // An empty value clears a field of a number. Twilio takes it, though its document does not say so.
      else if (!(value === "" && route === `POST ${NUMBER}`)) {
        const fault = faultOf(value, schema);
        if (fault) faults.push(`${route}: ${name} ${fault}`);
      }
    }
  };
  check("path", Object.entries(path), schemasOf(operation, "path"));
  check("query", url.searchParams, schemasOf(operation, "query"));
  check("form", form, body?.properties ?? {});
  for (const name of body?.required ?? []) if (!form.has(name)) faults.push(`${route}: ${name} is required`);
  return faults;
}

function find(method: string, url: URL): Found | undefined {
  // https://www.twilio.com/docs/global-infrastructure/using-the-twilio-rest-api-in-a-non-us-region
  const origin = `https://${url.host.split(".")[0]}.twilio.com`;
  for (const [template, { servers, ...operations }] of Object.entries(spec.paths)) {
    if (!servers.some((server) => server.url === origin)) continue;
    const operation = (operations as Record<string, Described>)[method.toLowerCase()];
    const pattern = template.replaceAll(".", "\\.").replace(/\{(\w+)\}/g, "(?<$1>[^/]+?)");
    const match = new RegExp(`^${pattern}$`).exec(url.pathname);
    if (!operation || !match) continue;
    const path = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]);
    return { route: `${method} ${template}`, operation, path: Object.fromEntries(path) };
  }
  return undefined;
}

function schemasOf({ parameters }: Described, place: string): Record<string, Schema> {
  const those = parameters.filter((parameter) => parameter.in === place);
  return Object.fromEntries(those.map(({ name, schema }) => [name, schema]));
}

function faultOf(value: string, schema: Schema): string | undefined {
  if (schema.type === "array") return schema.items && faultOf(value, schema.items);
  if (schema.enum && !schema.enum.includes(value)) return `is none of ${schema.enum.join(", ")}`;
  if (schema.pattern && !new RegExp(schema.pattern).test(value)) return `is not like ${schema.pattern}`;
  if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity))
    return "has a wrong length";
  if (schema.format === "uri" && !URL.canParse(value)) return "is no URI";
  if (schema.type !== "integer" && schema.type !== "number") return undefined;
  const number = Number(value);
  if (value === "" || !Number.isFinite(number)) return "is no number";
  const { minimum = -Infinity, maximum = Infinity } = schema;
  return number < minimum || number > maximum ? `is not from ${minimum} to ${maximum}` : undefined;
}
