import * as z from "zod/mini";
import { isPhoneNumber } from "../http/phone-number.ts";
import { query } from "../http/query.ts";
import {
  body,
  dryRunField,
  maxLength,
  optionalText,
  orNull,
  requiredText,
  satisfies,
  wholeNumber,
} from "../http/schema.ts";
import { agentId, availableQuery, importBody, numberFields } from "../phone-numbers/schema.ts";
import { ownAliases } from "../phone-numbers/settings-schema.ts";

const MAX_BRAND_NAME = 60;
const MAX_NUMBERS = 100;
const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const MIN_S = 60;

/** It stands on a page that asks for credentials, so it must not look like an address, or reorder the text around it. */
const isName = satisfies<string>((text) => !/[\p{C}\p{Zl}\p{Zp}/\\@]|\S\.\S/u.test(text), {
  code: "invalid_field",
  problem: { problem: "not_allowed" },
  hint: "brand_name must be a name, without a URL, a domain or control characters.",
});

const { channels, external_id, label, metadata } = numberFields;

/** `POST /v1/connect-links`: each field in snake_case or camelCase. */
export const createLinkBody = body(
  {
    agent_id: agentId,
    channels,
    external_id,
    label,
    metadata,
    brand_name: orNull(z.string().check(maxLength(MAX_BRAND_NAME), isName)),
    max_numbers: z._default(wholeNumber(1, MAX_NUMBERS), 1),
    expires_in_seconds: z._default(wholeNumber(MIN_S, DAY_S), HOUR_S),
    redirect_url: optionalText(2_000, "invalid_url"),
  },
  {
    agent_id: "agentId",
    external_id: ownAliases.external_id,
    brand_name: "brandName",
    max_numbers: "maxNumbers",
    expires_in_seconds: "expiresInSeconds",
    redirect_url: "redirectUrl",
  },
);

const { limit, after } = availableQuery._zod.def.out._zod.def.shape;

/** `GET /v1/connect/available-numbers` */
export const linkNumbersQuery = query({ limit, after });

/** `POST /v1/connect/phone-numbers` */
export const linkNumberBody = body(
  {
    phone_number: requiredText().check(isPhoneNumber()),
    plan_hash: importBody._zod.def.out._zod.def.shape.plan_hash,
    dry_run: dryRunField(),
  },
  { phone_number: "phoneNumber", plan_hash: "planHash" },
);
