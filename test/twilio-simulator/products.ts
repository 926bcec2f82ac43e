import type { Context, Hono } from "hono";
import { decodeBasic, notFound } from "./api.ts";
import { signedIn } from "./api-keys.ts";
import type { Operation, State } from "./state.ts";
import { addWebhooksApi } from "./webhook-configuration.ts";

type Authenticate = (state: State, request: Request) => Response | undefined;
type Record = (operation: Operation, c: Context, parameters: URLSearchParams) => void;

/**
 * Twilio's other products. Their paths name no account: they use the account of the credentials.
 * https://www.twilio.com/docs/messaging/api/service-resource, https://www.twilio.com/docs/global-infrastructure
 */
export function addOtherProducts(
  api: Hono,
  state: State,
  regions: Readonly<{ [region: string]: State }>,
  authenticate: Authenticate,
  record: Record,
  send: (request: Request) => Promise<Response>,
): void {
  // All Regions share the routing of calls. It accepts the credentials of every Region.
  for (const [path, states] of [
    ["/v1/*", [state]],
    ["/v2/*", Object.values(regions)],
  ] as const) {
    api.use(path, async (c, next) => {
      const refusals = states.map((known) => authenticate(known, c.req.raw));
      const [refusal] = refusals;
      if (refusal && !refusals.includes(undefined)) return refusal;
      await next();
      return;
    });
  }

  api.get("/v1/Services", (c) => {
    record("services", c, new URL(c.req.url).searchParams);
    const services = [...state.messagingServices.values()].map((service) => ({
      sid: service.sid,
      inbound_request_url: service.inboundRequestUrl,
      use_inbound_webhook_on_number: service.useInboundWebhookOnNumber,
    }));
    return page(c, "services", services);
  });

  api.get("/v1/Services/:service/PhoneNumbers", (c) => {
    record("service_numbers", c, new URL(c.req.url).searchParams);
    const service = state.messagingServices.get(c.req.param("service"));
    return service
      ? page(
          c,
          "phone_numbers",
          service.numberSids.map((sid) => ({ sid })),
        )
      : notFound(c);
  });

  // https://www.twilio.com/docs/messaging/api/usapptoperson-resource
  api.get("/v1/Services/:service/Compliance/Usa2p", (c) => {
    record("campaigns", c, new URL(c.req.url).searchParams);
    const service = state.messagingServices.get(c.req.param("service"));
    if (!service) return notFound(c);
    const campaigns = service.campaigns ?? (service.hasCampaign ? ["VERIFIED"] : []);
    return page(
      c,
      "compliance",
      campaigns.map((campaign_status) => ({ campaign_status })),
    );
  });

  api.get("/v1/Tollfree/Verifications", (c) => {
    record("verifications", c, new URL(c.req.url).searchParams);
    return page(c, "verifications", state.verifications);
  });

  api.get("/v1/Services/:service/PhoneNumbers/:number", (c) => {
    record("service_number", c, new URLSearchParams());
    const { service, number } = c.req.param();
    const isIn = state.messagingServices.get(service)?.numberSids.includes(number);
    return isIn ? c.json({ sid: number, service_sid: service, capabilities: ["SMS"] }) : notFound(c);
  });

  const ownerOf = (c: Context) =>
    signedIn(state, decodeBasic(c.req.header("authorization") ?? "")[0] ?? "")?.account;
  addWebhooksApi(api, ownerOf, record, send, state);

  api.get("/v2/PhoneNumbers/:number", (c) => {
    record("routing", c, new URLSearchParams());
    const phoneNumber = c.req.param("number");
    const region = state.voiceRegions.get(phoneNumber);
    return region ? c.json({ phone_number: phoneNumber, voice_region: region }) : notFound(c);
  });
}

/** A page of a list; 50 entries unless told. https://www.twilio.com/docs/usage/twilios-response#pagination */
function page(c: Context, key: string, entries: readonly object[]): Response {
  const url = new URL(c.req.url);
  const size = Number(url.searchParams.get("PageSize") ?? 50);
  const index = Number(url.searchParams.get("Page") ?? 0);
  url.searchParams.set("PageSize", String(size));
  url.searchParams.set("Page", String(index + 1));
  const next_page_url = entries.length > (index + 1) * size ? url.href : null;
  return c.json({
    [key]: entries.slice(index * size, (index + 1) * size),
    meta: { key, page: index, page_size: size, next_page_url },
  });
}
