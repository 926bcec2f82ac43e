import type { components } from "../sdk/src/generated/openapi.ts";

export type PhoneNumber = components["schemas"]["PhoneNumber"];
export type Agent = components["schemas"]["Agent"];
export type ImportPlan = components["schemas"]["ImportPlan"];
export type Call = components["schemas"]["Call"];
export type Usage = components["schemas"]["Usage"];
export type BulkImport = components["schemas"]["PhoneNumberImport"];
export type Health = PhoneNumber["health"];
