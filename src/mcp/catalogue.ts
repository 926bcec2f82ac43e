import type { AppContext } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";

/** A tool as `tools/list` shows it. https://modelcontextprotocol.io/specification/2026-07-28/server/tools */
type Tool = {
  name: string;
  title: string;
  description: string;
  inputSchema: { type: "object"; properties: Record<string, unknown>; required?: string[] };
  annotations?: Record<string, boolean>;
};

/** A tool, and the endpoint that it calls. */
export type CataloguedTool = {
  tool: Tool;
  method: string;
  /** As in `/v1/agents/{agent_id}`. */
  path: string;
  /** The arguments that go into the query. All that go neither there nor into the path are fields of the body. */
  query: readonly string[];
  hasBody: boolean;
  hasDryRun: boolean;
  /** For a plan without body: the path that says whether there is what would be changed. Absent if none does. */
  lookup?: string;
};

/** What clients may know of this server. */
export type Catalogue = {
  serverInfo: { name: string; title: string; version: string };
  instructions: string;
  tools: readonly CataloguedTool[];
};

/** The path of the catalogue among the static assets. scripts/documentation/tools.ts builds it from the OpenAPI document. */
export const CATALOGUE_PATH = "mcp.json";

/** @throws ApiError `service_misconfigured` if the deployment was made without its assets */
export async function readCatalogue({ env, req }: AppContext): Promise<Catalogue> {
  const found = await env.ASSETS.fetch(new URL(`/${CATALOGUE_PATH}`, req.url));
  if (!found.ok) {
    const cause = new Error(`the static assets have no ${CATALOGUE_PATH}: ${found.status}`);
    throw new ApiError("service_misconfigured", { cause });
  }
  return found.json<Catalogue>();
}
