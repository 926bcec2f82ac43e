import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { expect } from "vitest";
import { authorization, BASE, type Key, send } from "./worker.ts";

export type Mode = "legacy" | { pin: string };

/** A client of the protocol, and a tool call that checks that its text and its structure agree. */
export async function connect(key: Key, mode: Mode = { pin: "2026-07-28" }) {
  const client = new Client({ name: "tests", version: "1.0.0" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(`${BASE}/mcp`), {
    requestInit: { headers: authorization(key) },
    fetch: (url, init) => send(new Request(String(url), init as RequestInit)),
  });
  await client.connect(transport);
  const tool = async (name: string, args: Record<string, unknown> = {}) => {
    const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
    const [first, ...notes] = (content as { text: string }[]).map(({ text }) => text);
    const answer = structuredContent as Record<string, never>;
    expect(JSON.parse(first ?? "")).toEqual(answer);
    return { answer, isError, notes, text: JSON.stringify(content) };
  };
  return { client, tool };
}
