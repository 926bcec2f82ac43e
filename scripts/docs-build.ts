import { buildDocumentation, writeApiText } from "./documentation/build.ts";

// npm run docs:build: the landing page, the reference, the OpenAPI document and the error pages, into public/; and
// docs/api.md.

buildDocumentation();
writeApiText();
