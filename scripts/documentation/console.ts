import { buildSync } from "esbuild";
import type { OpenApiDocument } from "../../reference/openapi.ts";
import { EVENT_TYPES } from "../../src/events/event.ts";
import { routesModule } from "../client/routes.ts";
import { writeIfChanged } from "./write.ts";

// The client's types are checked by `npm run typecheck`; to run, it only needs its table of routes.
const ROUTES = "sdk/src/generated/routes.ts";

/** The script of a page, in one file. @param entry such as `console/index.tsx` */
export function pageScript(document: OpenApiDocument, entry: string): string {
  writeIfChanged(ROUTES, routesModule(document));
  const { outputFiles } = buildSync({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2023",
    legalComments: "none",
    logLevel: "error",
    tsconfig: "console/tsconfig.json",
    // Those that a page can be asked for, so that the console has no list of its own.
    define: { EVENT_TYPES: JSON.stringify(EVENT_TYPES) },
  });
  return outputFiles[0]?.text ?? "";
}
