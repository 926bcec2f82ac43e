import { buildClient } from "./client/build.ts";
import { fail } from "./wrangler.ts";

// npm run sdk: builds the typed client from the OpenAPI document into sdk/dist.

try {
  buildClient();
} catch (error) {
  fail(error);
}
