import { type Config, ownAddresses } from "../config.ts";
import type { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import { brokenRule, isLoopback, URL_RULES, type UrlRule } from "../public-url.ts";
import type { CreateAgentBody } from "./schema.ts";

export type Urls = {
  [Name in "webhook_url" | "connect" | "tools" | "inbound_url"]?: CreateAgentBody[Name] | undefined;
};

/**
 * Validates what the schema cannot, because it depends on the deployment: an agent's URLs must not point to this
 * deployment, and local URLs must be allowed here.
 *
 * @returns the fields with their URLs in the normal form, which is what is stored
 * @throws ApiError `invalid_url`
 */
export function withCheckedUrls<Fields extends Urls>(fields: Fields, config: Config): Fields {
  const { webhook_url, connect, tools, inbound_url } = fields;
  const checked = { ...fields };
  const rules = urlRules(config);
  if (webhook_url) checked.webhook_url = checkedUrl("webhook_url", webhook_url, "https:", rules);
  if (inbound_url) checked.inbound_url = checkedUrl("inbound_url", inbound_url, "https:", rules);
  if (connect && "url" in connect) {
    const protocol = connect.type === "redirect" ? "https:" : "wss:";
    checked.connect = { ...connect, url: checkedUrl("connect.url", connect.url, protocol, rules) };
  }
  if (tools)
    checked.tools = tools.map((tool, index) => ({
      ...tool,
      url: checkedUrl(`tools.${index}.url`, tool.url, "https:", rules),
    }));
  return checked;
}

type Rules = { publicBaseUrl: string; ownUrls: readonly string[]; allowLocal: boolean };

export const urlRules = (config: Config): Rules => ({
  publicBaseUrl: config.publicBaseUrl,
  ownUrls: ownAddresses(config),
  allowLocal: config.allowLocalWebhooks,
});

/** The URL of a field in its normal form. @throws ApiError `invalid_url` */
export function checkedUrl(field: string, url: string, protocol: "https:" | "wss:", rules: Rules): string {
  const rule = brokenRule(url, { protocol, ...rules });
  if (rule) throw invalid(field, rule, protocol, rules);
  return normalUrl(url);
}

/** The normal form of a URL that was checked. */
export function normalUrl(url: string): string {
  const { href } = new URL(url);
  // An origin alone means the same with and without its slash, so it stays as it was sent.
  return href === `${url}/` ? url : href;
}

function invalid(field: string, rule: UrlRule, protocol: string, { publicBaseUrl }: Rules): ApiError {
  const said = URL_RULES[rule].replace("https:", protocol);
  const isLocalDeployment = isLoopback(new URL(publicBaseUrl).hostname);
  const hint =
    rule === "local_host" && isLocalDeployment
      ? " To allow this machine in local development, set ALLOW_LOCAL_WEBHOOKS to true."
      : "";
  return faultError([
    { field, code: "invalid_url", hint: `${field} ${said}${hint}`, details: { reason: rule } },
  ]);
}
