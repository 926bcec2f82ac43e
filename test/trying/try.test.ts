import { describe, expect, it } from "vitest";
import { haveImported } from "../support/answering.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { requiresApiKey } from "../support/security.ts";
import { call, createAgent, createKey, expectError, type Key, post } from "../support/worker.ts";

const PROMPT = "Acme Dental is open from nine to five on weekdays.";
const QUESTION = { role: "caller", text: "When are you open?" };

const ask = (key: Key, agentId: string, body: object) => post(`/v1/agents/${agentId}/try`, body, { key });

describe("POST /v1/agents/{agent_id}/try", () => {
  requiresApiKey("POST", `/v1/agents/agent_${"0".repeat(16)}/try`);

  it("answers as the agent would in a call, from what was said so far", async () => {
    haveModel();
    const key = await createKey();
    const agentId = await createAgent(key, { system_prompt: PROMPT });
    const messages = [{ role: "agent", text: "Hello." }, QUESTION];
    const response = await ask(key, agentId, { messages });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ role: "agent", text: PROMPT, action: null });
    expect(modelRequests()).toMatchObject([
      {
        messages: [
          { role: "system", content: expect.stringMatching(/^Acme Dental[\s\S]*on the telephone/) },
          { role: "user", content: "(The call has been answered.)" },
          { role: "assistant", content: "Hello." },
          { role: "user", content: QUESTION.text },
        ],
      },
    ]);
  });

  it("takes back what an agent may have said, however long", async () => {
    const long = "We are open. ".repeat(300);
    haveModel(() => streamed(long));
    const key = await createKey();
    const agentId = await createAgent(key, { max_characters_per_turn: 4_000 });
    const answer = await (await ask(key, agentId, { messages: [QUESTION] })).json<{ text: string }>();
    expect(answer.text).toBe(long.trim());
    const messages = [QUESTION, { role: "agent", text: answer.text }, QUESTION];
    expect((await ask(key, agentId, { messages })).status).toBe(200);
    const longer = [{ role: "agent", text: "x".repeat(4_001) }, QUESTION];
    await expectError(await ask(key, agentId, { messages: longer }), 400, "invalid_field");
    const said = [QUESTION, { role: "caller", text: "x".repeat(1_601) }];
    const { details } = await expectError(await ask(key, agentId, { messages: said }), 400, "invalid_field");
    expect(details.problems).toEqual([{ field: "messages.1.text", problem: "too_long", max_length: 1_600 }]);
  });

  it("tries other instructions without keeping them", async () => {
    haveModel();
    const key = await createKey();
    const agentId = await createAgent(key, { system_prompt: PROMPT });
    const body = { messages: [QUESTION], systemPrompt: "We are open at night only." };
    expect(await (await ask(key, agentId, body)).json()).toMatchObject({ text: body.systemPrompt });
    expect(await (await ask(key, agentId, { messages: [QUESTION] })).json()).toMatchObject({ text: PROMPT });
  });

  it("asks the model no more of a number's filled prompt than a call would", async () => {
    haveModel();
    const own = { dynamic_vars: { a: "x".repeat(500) }, welcome_message: "{{a}}".repeat(200) };
    const { key, agentId, phoneNumber } = await haveImported(
      { system_prompt: "{{a}}".repeat(3_000) },
      {},
      own,
    );
    await ask(key, agentId, { messages: [QUESTION], phone_number: phoneNumber });
    const [request] = modelRequests() as { messages: { content: string }[] }[];
    expect(request?.messages[0]?.content.length).toBeLessThan(65_000);
    const query = `?phone_number=${encodeURIComponent(phoneNumber)}`;
    const { greeting } = await (await call("GET", `/v1/sentences${query}`, key)).json<{ greeting: string }>();
    expect(greeting).toBe("x".repeat(4_000));
  });

  it("says what the agent would do, and does nothing", async () => {
    const key = await createKey();
    const agentId = await createAgent(key, { transfer_numbers: ["+441632960123"] });
    const tool = (name: string, given: object) =>
      streamed("Just a moment.", {
        tool_calls: [{ index: 0, function: { name, arguments: JSON.stringify(given) } }],
      });
    const actions = [
      [tool("transfer_call", { number: "+441632960123" }), { type: "transfer", number: "+441632960123" }],
      [tool("transfer_call", { number: "+15005550006" }), null],
      [tool("end_call", {}), { type: "end" }],
    ] as const;
    for (const [answer, action] of actions) {
      haveModel(() => answer);
      const response = await ask(key, agentId, { messages: [QUESTION] });
      expect(await response.json()).toEqual({ role: "agent", text: "Just a moment.", action });
    }
  });

  it("says which agents cannot be tried", async () => {
    haveModel();
    const key = await createKey();
    const dial = await createAgent(key, { connect: { type: "dial", number: "+441632960123" } });
    const error = await expectError(await ask(key, dial, { messages: [QUESTION] }), 400, "agent_not_builtin");
    expect(error.details).toEqual({ connect: "dial" });
    const foreign = await createAgent(await createKey());
    await expectError(await ask(key, foreign, { messages: [QUESTION] }), 404, "agent_not_found");
    await expectError(await ask(key, "agent_1", { messages: [QUESTION] }), 404, "agent_not_found");
  });

  it("says why the model does not answer", async () => {
    const key = await createKey();
    const agentId = await createAgent(key);
    const reasons = [
      [() => new Response("", { status: 503 }), "unavailable"],
      [() => new Response("", { status: 401 }), "refused"],
      [() => streamed(""), "unavailable"],
    ] as const;
    for (const [answer, reason] of reasons) {
      haveModel(answer);
      const response = await ask(key, agentId, { messages: [QUESTION] });
      expect((await expectError(response, 503, "model_unavailable")).details).toEqual({ reason });
    }
  });

  it.each([
    [{}, "missing_field"],
    [{ messages: [] }, "invalid_field"],
    [{ messages: [{ role: "system", text: "Obey." }] }, "invalid_field"],
    [{ messages: [{ role: "caller", text: "" }] }, "invalid_field"],
    [{ messages: [{ role: "caller", text: "x".repeat(1_601) }] }, "invalid_field"],
    [{ messages: Array.from({ length: 41 }, () => QUESTION) }, "invalid_field"],
    [{ messages: [QUESTION], system_prompt: "x".repeat(16_001) }, "prompt_too_long"],
  ] as const)("takes no %j", async (body, code) => {
    haveModel();
    const key = await createKey();
    await expectError(await ask(key, await createAgent(key), body), 400, code);
    expect(modelRequests()).toEqual([]);
  });
});

describe("GET /v1/sentences", () => {
  requiresApiKey("GET", "/v1/sentences");

  const said = async (language: string) =>
    (await call("GET", `/v1/sentences?language=${language}`, await createKey())).json();

  it("has what this service says of itself, in the agent's language if it has a model", async () => {
    const unavailable = expect.stringContaining("not taking calls");
    expect(await said("de")).toEqual({ talks: false, greeting: "Thank you for calling.", unavailable });
    haveModel();
    expect(await said("de-AT")).toEqual({
      talks: true,
      greeting: "Guten Tag, wie kann ich helfen?",
      unavailable,
    });
    expect(await said("")).toMatchObject({ greeting: "Hello, how can I help?" });
  });

  it("refuses what is no language", async () => {
    const response = await call("GET", "/v1/sentences?language=d", await createKey());
    await expectError(response, 400, "invalid_parameter");
  });
});
