import { type Config, ownAddresses } from "../config.ts";
import { ApiError } from "../http/errors.ts";
import { isPublicUrl } from "../http/public-url.ts";
import type { CreateAgentBody } from "./schema.ts";

/**
 * Validates what the schema cannot, because it depends on the deployment: an agent's URLs must not point to this
 * deployment, and local URLs must be allowed here.
 *
 * @throws ApiError `invalid_url`
 */
export function checkUrls(
  { webhook_url, connect }: { [Name in "webhook_url" | "connect"]?: CreateAgentBody[Name] | undefined },
  config: Config,
): void {
  const invalid = (field: string) => new ApiError("invalid_url", { details: { fields: [field] } });
  const ownUrls = ownAddresses(config);
  const allowLocal = config.allowLocalWebhooks;
  if (webhook_url && !isPublicUrl(webhook_url, { protocol: "https:", ownUrls, allowLocal }))
    throw invalid("webhook_url");
  if (connect && "url" in connect) {
    const protocol = connect.type === "redirect" ? "https:" : "wss:";
    if (!isPublicUrl(connect.url, { protocol, ownUrls, allowLocal })) throw invalid("connect.url");
  }
}
