import type * as z from "zod/mini";
import { checkedUrl, normalUrl } from "../agents/urls.ts";
import { ApiError } from "../http/errors.ts";
import { faultError } from "../http/faults.ts";
import type { Services } from "../services.ts";
import { metadataOf, type OwnColumns, settingsOf } from "./settings.ts";
import {
  bytesOf,
  isSmall,
  MAX_METADATA_ENTRIES,
  NAMES,
  type OwnGiven,
  settingFields,
  TOO_LARGE,
} from "./settings-schema.ts";

// As much as an agent has: a route in memory holds both.
const MAX_SETTINGS_BYTES = 56 * 1024;

/** What is a number's own, as the API answers it: null is not set. */
export function serialiseOwn({ external_id, label, metadata, settings }: OwnColumns) {
  const unset = Object.fromEntries(Object.keys(settingFields).map((name) => [name, null])) as {
    [Name in keyof typeof settingFields]: z.output<(typeof settingFields)[Name]> | null;
  };
  return { external_id, label, metadata: metadataOf(metadata), ...unset, ...settingsOf(settings) };
}

/**
 * The columns with these changes, whose URL was checked. Metadata is merged.
 *
 * @throws ApiError `metadata_too_large`, `payload_too_large`
 */
export function changedOwn(before: OwnColumns, given: OwnGiven): OwnColumns {
  const present = serialiseOwn(before);
  const changes = Object.fromEntries(
    NAMES.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  ) as OwnGiven;
  const { external_id = null, label = null, metadata, ...settings } = { ...present, ...changes };
  // Other parsers may read an odd spelling otherwise.
  if (settings.inbound_url) settings.inbound_url = normalUrl(settings.inbound_url);
  const merged = withoutNulls({ ...(given.metadata && present.metadata), ...metadata });
  if (given.metadata && !(isSmall(merged) && Object.keys(merged).length <= MAX_METADATA_ENTRIES))
    throw faultError([{ field: "metadata", ...TOO_LARGE }]);
  const set = withoutNulls(settings);
  if (bytesOf(set) > MAX_SETTINGS_BYTES)
    throw new ApiError("payload_too_large", {
      message: "The settings of a number may have 56 KiB in all. Shorten its texts.",
    });
  return { external_id, label, metadata: jsonOf(merged), settings: jsonOf(set) };
}

function withoutNulls(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

const jsonOf = (object: object): string | null =>
  Object.keys(object).length === 0 ? null : JSON.stringify(object);

/** @throws ApiError `invalid_url` */
export function checkInboundUrl(
  { inbound_url }: Pick<OwnGiven, "inbound_url">,
  { publicBaseUrl, ownAddresses: ownUrls, delivery: { allowLocal } }: Services,
): void {
  if (inbound_url) checkedUrl("inbound_url", inbound_url, "https:", { publicBaseUrl, ownUrls, allowLocal });
}
