import type { components } from "../../sdk/src/generated/openapi.ts";

export type Link = components["schemas"]["CustomerConnectLink"];

/** Who asks: the name that the operator gave comes first if there is no other. */
export const asker = ({ brand_name, key_name }: Link): string => brand_name ?? key_name;
