import type { components } from "../sdk/src/generated/openapi.ts";

export type PhoneNumber = components["schemas"]["PhoneNumber"];
export type Agent = components["schemas"]["Agent"];
export type ImportPlan = components["schemas"]["ImportPlan"];
export type Health = PhoneNumber["health"];
