import { readConfig } from "./config.ts";
import { createObjects } from "./objects.ts";
import { WEBHOOK_PATH } from "./twilio/webhook-urls.ts";
import type { WorkMessage } from "./twilio-accounts/work-message.ts";
import { twilioWebhooks } from "./webhooks.ts";

export { Background } from "./background.ts";
export { BulkImport } from "./bulk-imports/object.ts";
export { CallLog } from "./call-log/object.ts";
export { AccountPace } from "./call-log/pace.ts";
export { Conversation } from "./conversations/conversation.ts";
export { EventOutbox } from "./events/outbox/object.ts";
export { TextThread } from "./texting/text-thread.ts";

// A caller waits for the first call of a fresh isolate. What a call does not need is evaluated when it is first needed:
// wrangler's bundler makes a function of each module that is only imported by import().
export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname.startsWith(`${WEBHOOK_PATH}/`))
      return twilioWebhooks.fetch(request, env, context);
    const { app } = await import("./app.ts");
    return app.fetch(request, env, context);
  },
  async scheduled({ cron }: { cron: string }, env: Env) {
    await createObjects(env, readConfig(env)).background("cron").runJobs(cron);
  },
  async queue(batch, env) {
    const { consume } = await import("./queues.ts");
    return consume(batch, env);
  },
} satisfies ExportedHandler<Env, WorkMessage>;
