import { buildPython } from "./client/build-python.ts";
import { fail } from "./wrangler.ts";

// npm run sdk:python: builds the Python client from the OpenAPI document into sdk/python/dist. Needs Python 3.11 or later.

try {
  buildPython();
} catch (error) {
  fail(error);
}
