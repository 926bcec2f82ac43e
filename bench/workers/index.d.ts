/** The bundle that a small Worker is put around: it stands beside it as `index.js` when the bench starts them. */
declare const worker: {
  fetch: (request: Request, env: object, ctx: ExecutionContext) => Response | Promise<Response>;
  scheduled: (event: { cron: string }, env: object, ctx: ExecutionContext) => Promise<void>;
  queue: (batch: MessageBatch, env: object, ctx: ExecutionContext) => Promise<void>;
};
export default worker;
/** See src/background.ts. */
export const Background: typeof import("../../src/background.ts").Background;
/** See src/call-log/object.ts. */
export const CallLog: typeof import("../../src/call-log/object.ts").CallLog;
