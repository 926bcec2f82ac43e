import { type Config, ownAddresses } from "../config.ts";
import { ApiError } from "../http/errors.ts";
import { isPublicUrl } from "../http/public-url.ts";
import type { CreateAgentBody } from "./schema.ts";

/**
 * Checks what a schema cannot: that an agent's URLs do not lead to this deployment itself, and whether local ones are
 * allowed here.
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
