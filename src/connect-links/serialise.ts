import { metadataOf } from "../phone-numbers/settings.ts";
import type { serialiseAccount } from "../twilio-accounts/serialise.ts";
import { channelsOf, numbersOf, statusOf } from "./link.ts";
import type { LinkRow } from "./store.ts";

type Brought = { phone_number: string; imported: boolean; first_inbound_at: string | null };

const broughtBy = (link: LinkRow) => JSON.parse(link.brought) as Brought[];

/** A link as its key's owner sees it. */
export function serialiseLink(link: LinkRow, now: Date) {
  return {
    connect_link_id: link.id,
    status: statusOf(link, now),
    agent_id: link.agent_id,
    channels: channelsOf(link),
    external_id: link.external_id,
    label: link.label,
    metadata: metadataOf(link.metadata),
    brand_name: link.brand_name,
    max_numbers: link.max_numbers,
    redirect_url: link.redirect_url,
    twilio_sid: link.twilio_sid,
    phone_numbers: broughtBy(link),
    refused_credentials: link.failures,
    expires_at: link.expires_at,
    created_at: link.created_at,
  };
}

/** A link as its customer sees it. */
export function serialiseForCustomer(
  link: LinkRow,
  account: ReturnType<typeof serialiseAccount> | null,
  allowApiKeys: boolean,
  now: Date,
) {
  return {
    connect_link_id: link.id,
    status: statusOf(link, now),
    key_name: link.key_name,
    brand_name: link.brand_name,
    agent_name: link.agent_name,
    channels: channelsOf(link),
    numbers_left: link.max_numbers - numbersOf(link).length,
    redirect_url: link.redirect_url,
    credentials: allowApiKeys ? ["api_key", "auth_token"] : ["auth_token"],
    twilio_account: account,
    phone_numbers: broughtBy(link),
    expires_at: link.expires_at,
  };
}
