import * as z from "zod/mini";
import { HEALTH_REASONS } from "./health.ts";

// The health of a number or an account, for the OpenAPI document.

export const healthReason = z.enum(HEALTH_REASONS);
export const health = z.enum(["ok", ...HEALTH_REASONS]);
