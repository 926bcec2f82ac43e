import { Hono } from "hono/tiny";
import { said } from "../agents/fill.ts";
import { DEFAULT_WELCOME, phrasesIn, UNAVAILABLE } from "../agents/phrases.ts";
import { findAgent } from "../agents/store.ts";
import { ownerOf } from "../api-keys/permission.ts";
import { withApiKey } from "../api-keys/with-api-key.ts";
import { limitReached } from "../call-log/allowance.ts";
import type { AppEnv } from "../http/context.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { validateQuery } from "../http/query.ts";
import { isId } from "../ids.ts";
import { findLimits } from "../limits-store.ts";
import { configuredModel } from "../model/configured.ts";
import { ownNumber } from "../phone-numbers/change.ts";
import { eventNumber } from "../phone-numbers/row.ts";
import { settingsOf, speakingOf } from "../phone-numbers/settings.ts";
import { countTokens, requestServices } from "../services.ts";
import { sentencesQuery, tryBody } from "./schema.ts";
import { tryAgent } from "./try.ts";

/** Talking with an agent by typing. */
export const tries = new Hono<AppEnv>().post(
  "/:agent_id/try",
  withApiKey("all"),
  requireJson,
  validateJson(tryBody),
  async (c) => {
    const id = c.req.param("agent_id");
    const apiKeyId = c.get("apiKeyId");
    const services = requestServices(c);
    const { db, callLogs, defaultLimits, now } = services;
    const body = c.req.valid("json");
    const [agent, limits, number] = await Promise.all([
      isId("agent", id) ? findAgent(db, apiKeyId, id) : null,
      findLimits(db, apiKeyId, defaultLimits),
      body.phone_number === undefined ? null : ownNumber(body.phone_number, ownerOf(c), db),
    ]);
    if (!agent) throw new ApiError("agent_not_found");
    const { model, modelTimeoutMs } = c.get("config");
    const { text, action } = await tryAgent(agent, settingsOf(number?.settings ?? null), body, {
      model: configuredModel(model, c.env),
      number: number && eventNumber(number),
      begin: async () => {
        const taken = await callLogs.take(apiKeyId, "try", limits);
        if (taken.kind === "refused") throw limitReached(taken.allowance, now());
      },
      spent: (tokens) => countTokens(apiKeyId, tokens, services),
      patienceMs: modelTimeoutMs,
      services,
    });
    return c.json({
      role: "agent",
      text,
      action: action && { type: action.kind, ...("to" in action && { number: action.to }) },
    });
  },
);

/** What this service says of itself in a call; to a number, with what that says first. */
export const sentences = new Hono<AppEnv>().get(
  "/",
  withApiKey("read"),
  validateQuery(sentencesQuery),
  async (c) => {
    const { language, phone_number } = c.req.valid("query");
    const talks = configuredModel(c.get("config").model, c.env) !== null;
    const number = phone_number === undefined ? null : await ownNumber(phone_number, ownerOf(c), c.env.DB);
    const agent = number?.agent_id ? await findAgent(c.env.DB, c.get("apiKeyId"), number.agent_id) : null;
    const own = settingsOf(number?.settings ?? null);
    const speaking = agent && speakingOf(agent, own);
    const none = talks ? phrasesIn(speaking?.language ?? language).hello : DEFAULT_WELCOME;
    const isSilent =
      speaking && (speaking.welcomeMessage === "" || (talks && !speaking.talk.ai_speaks_first));
    const greeting = isSilent ? "" : said(speaking?.welcomeMessage ?? "", own.dynamic_vars ?? {}) || none;
    return c.json({ talks, greeting, unavailable: UNAVAILABLE });
  },
);
