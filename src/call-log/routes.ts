import { Hono } from "hono/tiny";
import { knownKey, requireAdmin } from "../api-keys/authenticate.ts";
import { externalIdFor, ownerOf } from "../api-keys/permission.ts";
import { withApiKey, withApiKeyNoReplay } from "../api-keys/with-api-key.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { counted } from "../http/counted.ts";
import { ApiError } from "../http/errors.ts";
import { requireJson, validateJson } from "../http/json-body.ts";
import { validateQuery } from "../http/query.ts";
import { callObject } from "../objects.ts";
import { requestServices, type Services } from "../services.ts";
import { endCall } from "../twilio/calls.ts";
import { isNotFound, TwilioError } from "../twilio/errors.ts";
import { deleteRecording, openRecording } from "../twilio/http.ts";
import type { AccountClient } from "../twilio-accounts/client.ts";
import { diagnose } from "../twilio-accounts/diagnose.ts";
import { isLive, reasonOf, statusOf } from "./call.ts";
import { clientOf, ownCall, serialise, serialiseWhole } from "./logged-call.ts";
import { takeOutcome } from "./outcome.ts";
import { listCallsQuery, outcomeBody } from "./query.ts";

/** The log of calls: every call to and from the key's numbers, for 30 days. */
export const callLog = new Hono<AppEnv>()
  .get("/", withApiKey("read"), validateQuery(listCallsQuery), async (c) => {
    const { agent_id, phone_number, external_id, direction, status, ...page } = c.req.valid("query");
    const about = { agentId: agent_id, phoneNumber: phone_number, externalId: externalIdFor(c, external_id) };
    const filter = { ...about, direction, status };
    const services = requestServices(c);
    const { calls, count } = await services.callLogs.list(c.get("apiKeyId"), filter, page);
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    return c.json({
      calls: await Promise.all(calls.map((call) => serialise(call, services))),
      ...counted(count, isFiltered),
      ...page,
    });
  })
  .get("/:call_id", withApiKey("read"), async (c) => {
    const { call, services } = await own(c);
    return c.json(await serialiseWhole(call, services));
  })
  .post("/:call_id/hangup", withApiKey("number"), async (c) => {
    const { call, apiKeyId, services } = await own(c);
    if (isLive(call.status)) await hangUp(call, apiKeyId, services);
    return c.json(await serialiseWhole((await own(c)).call, services));
  })
  .post("/:call_id/outcome", withApiKey("number"), requireJson, validateJson(outcomeBody), async (c) => {
    const { call, apiKeyId, services } = await own(c);
    const stored = await takeOutcome(call, c.req.valid("json"), apiKeyId, services);
    return c.json(await serialiseWhole(stored, services));
  })
  .delete("/:call_id", withApiKey("number"), async (c) => {
    const { call, apiKeyId, services } = await own(c);
    if (isLive(call.status)) throw new ApiError("call_in_progress");
    if (call.recording_sid !== null) {
      const client = await clientOf(call, apiKeyId, services);
      await deleteRecording(client.endpoint, client.credentials, call.recording_sid).catch(
        refusal("recording_not_found", client, apiKeyId, services),
      );
    }
    const { phone_number_id, call_id } = call;
    await callObject(
      () => services.objects.conversation(phone_number_id, call_id),
      (conversation) => conversation.erase(),
    );
    await services.callLogs.remove(apiKeyId, call_id);
    return c.json({ call_id, deleted: true });
  })
  .get("/:call_id/recording", withApiKeyNoReplay("read"), async (c) => {
    const { call, apiKeyId, services } = await own(c);
    if (call.recording_sid === null) throw new ApiError("recording_not_found");
    const client = await clientOf(call, apiKeyId, services);
    const range = c.req.header("range");
    const media = await openRecording(client.endpoint, client.credentials, call.recording_sid, range).catch(
      refusal("recording_not_found", client, apiKeyId, services),
    );
    return new Response(media.body, { status: media.status, headers: mediaHeaders(media, call.call_id) });
  });

/** The call log of any API key, for the operator. */
export const keyCalls = new Hono<AppEnv>().delete(
  "/:key_id/calls",
  requireAdmin({ always: true }),
  async (c) => {
    const apiKeyId = await knownKey(c);
    const { callLogs, log } = requestServices(c);
    await callLogs.erase(apiKeyId);
    log.info("calls_erased", { key_id: apiKeyId });
    return c.json({ key_id: apiKeyId, deleted: true });
  },
);

async function own(c: AppContext) {
  const services = requestServices(c);
  const owner = ownerOf(c);
  const call = await ownCall(services.callLogs, owner, c.req.param("call_id") ?? "");
  return { services, apiKeyId: owner.apiKeyId, call };
}

/** @throws ApiError what Twilio refuses; a call that has ended meanwhile is no fault */
async function hangUp(call: Awaited<ReturnType<typeof ownCall>>, apiKeyId: string, services: Services) {
  const client = await clientOf(call, apiKeyId, services);
  const told = await endCall(client.endpoint, client.credentials, call.call_id).catch((error: unknown) => {
    if (error instanceof TwilioError && HAS_ENDED.has(error.facts.twilioCode ?? 0)) return "completed";
    return refusal("call_not_found", client, apiKeyId, services)(error);
  });
  const status = statusOf(told);
  if (!status || isLive(status)) return;
  const { call_id, agent_id, phone_number_id, phone_number, external_id, account_sid, region } = call;
  await services.callLogs.report(apiKeyId, {
    callId: call_id,
    agentId: agent_id,
    phoneNumberId: phone_number_id,
    phoneNumber: phone_number,
    externalId: external_id,
    account: { accountSid: account_sid, region },
    direction: call.direction,
    status,
    durationSeconds: null,
    endedReason: reasonOf(status),
    partiesSealed: call.parties_sealed,
    transcriptSealed: null,
  });
}

// https://www.twilio.com/docs/api/errors/21220: the call is not in progress.
const HAS_ENDED: ReadonlySet<number> = new Set([21220]);

/** @param gone the code if Twilio no longer has it */
const refusal =
  (
    gone: "call_not_found" | "recording_not_found",
    client: AccountClient,
    apiKeyId: string,
    services: Services,
  ) =>
  async (error: unknown): Promise<never> => {
    if (isNotFound(error)) throw new ApiError(gone);
    throw await diagnose(error, { ...client, apiKeyId }, services);
  };

const PASSED_ON = ["content-type", "content-length", "content-range", "accept-ranges"] as const;

/** Only what a player needs; whatever Twilio sends is sound and not a page. */
function mediaHeaders(media: Response, callId: string): Headers {
  const headers = new Headers({ "content-disposition": `attachment; filename="${callId}.mp3"` });
  for (const name of PASSED_ON) {
    const value = media.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (!/^audio\//.test(headers.get("content-type") ?? ""))
    headers.set("content-type", "application/octet-stream");
  headers.set("cache-control", "private, no-store");
  return headers;
}
