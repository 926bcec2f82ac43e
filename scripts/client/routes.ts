import type { OpenApiDocument } from "../../reference/openapi.ts";
import { operationsOf } from "../documentation/operations.ts";

/** The client's table of routes: method and path of each operation, by its id. */
export function routesModule(document: OpenApiDocument): string {
  const routes = operationsOf(document).map(({ id, method, path }) => `  ${id}: ["${method}", "${path}"],`);
  return `/** Method and path of each operation, by its id. */\nexport const routes = {\n${routes.join("\n")}\n} as const;\n`;
}
