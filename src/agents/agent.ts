import { newId } from "../ids.ts";
import type { CreateAgentBody, UpdateAgentBody } from "./schema.ts";
import type { AgentRow } from "./store.ts";
import { talkColumn, talkOf } from "./talk.ts";

// The three forms of an agent: in a request, in its row, in an answer. No I/O here.

export function newAgent(fields: CreateAgentBody, apiKeyId: string, now: Date): AgentRow {
  const time = now.toISOString();
  return {
    ...columnsOf(fields),
    id: newId("agent"),
    api_key_id: apiKeyId,
    created_at: time,
    updated_at: time,
  };
}

/** The row with these changes; all other fields stay the same. The new `updated_at` is always later than the old one. */
export function changedAgent(row: AgentRow, changes: UpdateAgentBody, now: Date): AgentRow {
  const { agent_id: _, created_at: __, updated_at: ___, ...present } = serialise(row);
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const time = new Date(Math.max(now.getTime(), Date.parse(row.updated_at) + 1));
  return { ...row, ...columnsOf({ ...present, ...given }), updated_at: time.toISOString() };
}

export function serialise({
  id,
  api_key_id: _,
  is_active,
  connect,
  fallback,
  record,
  talk,
  ...fields
}: AgentRow) {
  return {
    agent_id: id,
    ...fields,
    is_active: is_active === 1,
    connect: connect && JSON.parse(connect),
    fallback: fallback && JSON.parse(fallback),
    record: record === 1,
    ...talkOf(talk),
  };
}

function columnsOf({
  name,
  system_prompt,
  welcome_message,
  language,
  voice_id,
  webhook_url,
  ...others
}: CreateAgentBody) {
  const { connect, fallback, record, is_active, ...talk } = others;
  return {
    name,
    system_prompt,
    welcome_message,
    language,
    voice_id,
    webhook_url,
    is_active: is_active ? 1 : 0,
    connect: connect && JSON.stringify(connect),
    fallback: fallback && JSON.stringify(fallback),
    record: record ? 1 : 0,
    talk: talkColumn(talk),
  } as const;
}
