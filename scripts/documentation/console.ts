import { buildSync } from "esbuild";
import type { OpenApiDocument } from "../../reference/openapi.ts";
import { EVENT_TYPES } from "../../src/events/event.ts";
import { routesModule } from "../client/routes.ts";
import { writeIfChanged } from "./write.ts";

// The client's types are checked by `npm run typecheck`; to run, it only needs its table of routes.
const ROUTES = "sdk/src/generated/routes.ts";

/** The script of a page, in one file. @param csv where `sdk/cli/numbers-csv.ts` is, which is loaded when it is needed */
export function pageScript(document: OpenApiDocument, entry: string, csv: string): string {
  writeIfChanged(ROUTES, routesModule(document));
  // Every event that a page can be asked for, so that the console has no list of its own.
  return script(entry, { EVENT_TYPES: JSON.stringify(EVENT_TYPES), NUMBERS_CSV: JSON.stringify(csv) });
}

/** A module of this repository and what it imports, for a browser. @param define names, each with what stands for it */
export function script(entry: string, define: Record<string, string> = {}): string {
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
    define,
    external: ["/assets/*"],
  });
  return outputFiles[0]?.text ?? "";
}
