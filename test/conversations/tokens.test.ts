import { describe, expect, it, vi } from "vitest";
import type { Delta } from "../../src/model/model.ts";
import { NO_PHRASES, takeTurn } from "../../src/tools/take-turn.ts";
import { eventStream, haveModel, modelRequests, streamed } from "../support/model.ts";
import { createAgent, createKey, expectError, get, type Key, post } from "../support/worker.ts";

const data = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
const piece = (content: string, usage: object | null = null) => ({
  choices: [{ delta: { content } }],
  usage,
});
const counts = (prompt_tokens: number, completion_tokens: number) => ({ prompt_tokens, completion_tokens });
const total = (total_tokens: number) => ({ ...counts(1, 1), total_tokens });

const ask = async (key: Key) =>
  post(
    `/v1/agents/${await createAgent(key)}/try`,
    { messages: [{ role: "caller", text: "こんにちは" }] },
    { key },
  );
const tokens = async (key: Key) =>
  (await (await get("/v1/usage", key)).json<{ model: { tokens: number } }>()).model.tokens;

/** Whoever answers does not wait for the count. */
const expectTokens = (key: Key, count: number) =>
  vi.waitFor(async () => expect(await tokens(key)).toBe(count));

describe("tokens of an answer", () => {
  it.each([
    ["OpenAI, in a chunk of its own", [piece("Hello."), { choices: [], usage: total(57) }], 57],
    ["a server without a total", [piece("Hello."), { choices: [], usage: counts(40, 2) }], 42],
    ["vLLM, with each piece", [piece("He", total(41)), piece("llo.", total(42))], 42],
    [
      // The last frame of env.AI.run, as its users have recorded it; models of OpenAI's kind send zeros before.
      "Workers AI, after zeros",
      [{ response: "Hello." }, { choices: [], usage: total(0) }, { response: "", usage: total(85) }],
      85,
    ],
  ])("are what the model says: %s", async (_, events, count) => {
    haveModel(() => eventStream(`${events.map(data).join("")}data: [DONE]\n\n`));
    const key = await createKey();
    expect((await ask(key)).status).toBe(200);
    expect(modelRequests()[0]).toMatchObject({ stream_options: { include_usage: true } });
    await expectTokens(key, count);
  });

  it("are one for each four bytes, if it does not say", async () => {
    haveModel(() => streamed("Hello."));
    const key = await createKey();
    expect((await ask(key)).status).toBe(200);
    const [{ messages, tools } = {}] = modelRequests() as {
      messages: { content: string }[];
      tools: { function: object }[];
    }[];
    const read =
      (messages ?? []).map(({ content }) => content).join("") +
      JSON.stringify(tools?.map((tool) => tool.function));
    await expectTokens(key, Math.ceil(new TextEncoder().encode(`${read}Hello.`).byteLength / 4));
  });

  it("are not asked for of a server that refuses to say", async () => {
    haveModel(async (request) =>
      "stream_options" in (await request.json<object>())
        ? new Response('{"error":"Unknown parameter: stream_options"}', { status: 400 })
        : streamed("Hello."),
    );
    expect((await ask(await createKey())).status).toBe(200);
    expect(modelRequests()).toHaveLength(2);
  });

  it("are counted where the model read and said nothing", async () => {
    haveModel(() => eventStream(`${data({ choices: [], usage: total(30) })}data: [DONE]\n\n`));
    const key = await createKey();
    await expectError(await ask(key), 503, "model_unavailable");
    await expectTokens(key, 30 * modelRequests().length);
  });

  it("are estimated of an answer that is interrupted", async () => {
    const stop = new AbortController();
    const spent = vi.fn();
    const turn = takeTurn({
      model: async function* (): AsyncGenerator<Delta> {
        yield { type: "text", text: "We are open" };
        await new Promise(() => undefined);
      },
      request: { messages: [{ role: "user", content: "When?" }], tools: [], maxTokens: 10 },
      signal: stop.signal,
      patienceMs: 60_000,
      maxCharacters: 100,
      phrases: NO_PHRASES,
      say: () => stop.abort(new Error("interrupted")),
      onFailure: () => undefined,
      spent,
    });
    await expect(turn).rejects.toThrow("interrupted");
    expect(spent.mock.calls).toEqual([[Math.ceil("When?[]We are open".length / 4)]]);
  });
});
