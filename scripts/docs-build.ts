import { buildDocumentation, writeApiText } from "./documentation/build.ts";

// npm run docs:build: writes the landing page, the reference, the OpenAPI document and the error pages to public/, and
// writes docs/api.md.

buildDocumentation();
writeApiText();
