import type { Config } from "../config.ts";
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
  { publicBaseUrl: ownUrl, allowLocalWebhooks }: Config,
): void {
  const invalid = (field: string) => new ApiError("invalid_url", { details: { fields: [field] } });
  const rules = { protocol: "https:", ownUrl, allowLocal: allowLocalWebhooks } as const;
  if (webhook_url && !isPublicUrl(webhook_url, rules)) throw invalid("webhook_url");
  if (connect?.type === "redirect" && !isPublicUrl(connect.url, { protocol: "https:", ownUrl }))
    throw invalid("connect.url");
}
