import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { sha256 } from "../../src/vault/hash.ts";
import { haveImported } from "../support/answering.ts";
import { haveModel, streamed } from "../support/model.ts";
import { meterRows } from "../support/objects.ts";
import { objectOf } from "../support/session.ts";
import { twilio } from "../support/twilio.ts";
import { post } from "../support/worker.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
const FAST = { DEFAULT_LIMITS: '{"calls_per_second":100,"allowed_countries":["*"]}' };

// docs/costs.md has these numbers.
it.each([
  [1, { log: 17, conversation: 6 }],
  [10, { log: 17, conversation: 7 }],
])(
  "a placed call with %s turns of an agent writes so many rows, its deletion included",
  async (turns, expected) => {
    haveModel(() => streamed("We are open from nine to five."));
    const imported = await haveImported();
    const log = env.CALL_LOG.getByName(await sha256(`call-log/${imported.key.key_id}`));
    // Its alarm is set once a day, however many calls there are.
    await log.countText("SM0", "received");
    const logged = await meterRows(log);
    const body = { agent_id: imported.agentId, to_number: "+15005550009" };
    const placed = await post("/v1/calls", body, { key: imported.key, env: FAST });
    const { call_id } = await placed.json<{ call_id: string }>();
    const conversation = await objectOf(imported, call_id);
    const talked = await meterRows(conversation);
    const say = Array.from({ length: turns }, (_, turn) => `And on day ${turn}?`);
    const [dialled] = await twilio.dial({ say });
    expect(dialled?.conversation.filter(({ by }) => by === "agent").length).toBeGreaterThanOrEqual(turns);
    for (const days of [2, 31]) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + days * DAY_MS });
      await runDurableObjectAlarm(conversation);
      await runDurableObjectAlarm(log);
      vi.useRealTimers();
    }
    // The text, and the alarms of the two days, are none of this call's.
    expect({ log: (await logged()) - 3, conversation: await talked() }).toEqual(expected);
  },
);
