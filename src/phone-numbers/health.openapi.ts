import * as z from "zod/mini";
import { HEALTH_REASONS } from "./health.ts";

// How a number or an account is found, for the OpenAPI document.

export const healthReason = z.enum(HEALTH_REASONS);
export const health = z.enum(["ok", ...HEALTH_REASONS]);
