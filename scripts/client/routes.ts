import type { OpenApiDocument } from "../../reference/openapi.ts";
import { operationsOf } from "../documentation/operations.ts";

/** The client's table of routes: of each operation, by its id, the method, the path, and whether it takes an Idempotency-Key. */
export function routesModule(document: OpenApiDocument): string {
  const routes = operationsOf(document).map(
    ({ id, method, path, takesKey }) => `  ${id}: ["${method}", "${path}"${takesKey ? ", true" : ""}],`,
  );
  return `/** Of each operation, by its id: method, path, whether it takes an Idempotency-Key. */\nexport const routes = {\n${routes.join("\n")}\n} as const;\n`;
}
