import * as z from "zod/mini";
import { pageShape } from "../http/page.ts";
import { isPhoneNumber } from "../http/phone-number.ts";
import { query } from "../http/query.ts";
import {
  body,
  changes,
  dryRunField,
  maxLength,
  nullIsDefault,
  optionalText,
  pattern,
  requiredText,
  satisfies,
} from "../http/schema.ts";
import { accountAliases, accountFields, newTwilioToken } from "../twilio-accounts/schema.ts";
import { CHANNELS, type Channel } from "./channels.ts";
import { DRIFT_POLICIES, HEALTH_REASONS } from "./health.ts";
import { type OwnGiven, ownAliases, ownChangeFields, ownImportFields } from "./settings-schema.ts";

// Our agent ids have 22 characters. This only bounds what we look up.
const MAX_AGENT_ID_LENGTH = 64;

const MAX_PLAN_HASH_LENGTH = 128;

export const agentId = requiredText().check(maxLength(MAX_AGENT_ID_LENGTH));

/** At least one channel, each once. */
const channelList = z.pipe(
  z.array(z.enum(CHANNELS)).check(
    satisfies((given) => given.length > 0, {
      code: "invalid_field",
      problem: { problem: "not_allowed", allowed: CHANNELS },
    }),
  ),
  z.transform((given) => CHANNELS.filter((channel) => given.includes(channel))),
);

/** What an import takes beside the number, its account and its agent. */
export const numberFields = { channels: z.optional(channelList), ...ownImportFields };
export type NumberGiven = OwnGiven & { channels?: readonly Channel[] | undefined };

/** `POST /v1/phone-numbers`: each field in snake_case or camelCase. */
export const importBody = body(
  {
    phone_number: requiredText().check(isPhoneNumber()),
    ...accountFields,
    agent_id: agentId,
    plan_hash: optionalText(MAX_PLAN_HASH_LENGTH),
    ...numberFields,
    dry_run: dryRunField(),
  },
  {
    phone_number: "phoneNumber",
    ...accountAliases,
    agent_id: "agentId",
    plan_hash: "planHash",
    ...ownAliases,
  },
);

export type ImportBody = z.output<typeof importBody>;

/**
 * `PATCH /v1/phone-numbers/{number}`: a field that is left out does not change. One that is null or empty is its default
 * again; one without a default refuses that.
 */
export const changeBody = changes(
  {
    agent_id: z.optional(z.string().check(maxLength(MAX_AGENT_ID_LENGTH))),
    inbound_enabled: z.optional(z.boolean()),
    outbound_enabled: z.optional(z.boolean()),
    twilio_token: newTwilioToken,
    drift_policy: nullIsDefault(z.enum(DRIFT_POLICIES), "repair" as const),
    channels: z.optional(channelList),
    ...ownChangeFields,
    dry_run: dryRunField(),
  },
  {
    agent_id: "agentId",
    inbound_enabled: "inboundEnabled",
    outbound_enabled: "outboundEnabled",
    twilio_token: accountAliases.twilio_token,
    drift_policy: "driftPolicy",
    ...ownAliases,
  },
);

export type ChangeBody = z.output<typeof changeBody>;

/** `GET /v1/phone-numbers` */
export const listNumbersQuery = query({
  agent_id: z.optional(z.string()),
  external_id: z.optional(z.string()),
  twilio_sid: z.optional(z.string()),
  health: z.optional(z.enum(["attention", "ok", ...HEALTH_REASONS])),
  search: z.optional(z.string()),
  ...pageShape,
});

/** A page of {@link AvailableQuery}: of which account, and where in its list. */
const CURSOR = /^(AC[a-f0-9]{32})(?:\.(\d{1,9})\.([\w-]{1,200}))?$/;

/** `GET /v1/twilio-accounts/{twilio_account_id}/available-numbers` */
export const availableQuery = query({
  limit: pageShape.limit,
  after: z.optional(
    z.pipe(
      z.string().check(pattern(CURSOR, "Send the next of the page before.")),
      z.transform((text) => {
        const [, accountSid = "", page, token = ""] = CURSOR.exec(text) ?? [];
        return { accountSid, position: page === undefined ? undefined : { page, token } };
      }),
    ),
  ),
  include_subaccounts: z.optional(
    z.pipe(
      z.enum(["true", "false"]),
      z.transform((word) => word === "true"),
    ),
  ),
});

export type AvailableQuery = z.output<typeof availableQuery>;
