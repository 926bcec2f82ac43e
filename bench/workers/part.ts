import worker, { CallLog as Log } from "./index.js";

export * from "./index.js";

type PartEnv = {
  CALL_LOG: { getByName: (name: string) => { fill: (from: number, to: number) => Promise<boolean> } };
};

/** Copies the first call, from one number to another, each older than the one before. */
const COPY = `WITH RECURSIVE n (nth) AS (SELECT ?1 UNION ALL SELECT nth + 1 FROM n WHERE nth < ?2)
  INSERT INTO calls SELECT seq - 1024 * nth, substr(call_id, 1, 24) || printf('%010d', nth), attempt_id, agent_id,
    phone_number_id, phone_number, external_id, account_sid, region, direction, status, ended_reason, created_at - nth,
    answered_at, ended_at, duration_seconds, recording_sid, parties_sealed
  FROM (SELECT * FROM calls ORDER BY seq DESC LIMIT 1), n`;

/** The log, and a way to fill it faster than by calls. */
export class CallLog extends Log {
  /** @returns false if there is no call to copy yet */
  async fill(from: number, to: number): Promise<boolean> {
    const { sql } = (this as unknown as { ctx: DurableObjectState }).ctx.storage;
    return sql.exec(COPY, from, to).rowsWritten > 0;
  }
}

export default {
  async fetch(request: Request, env: PartEnv, ctx: ExecutionContext): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/fill") return worker.fetch(request, env, ctx);
    const log = env.CALL_LOG.getByName(searchParams.get("object") ?? "");
    const isFilled = await log.fill(Number(searchParams.get("from")), Number(searchParams.get("to")));
    return new Response(null, { status: isFilled ? 204 : 409 });
  },
};
