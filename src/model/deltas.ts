import { createParser } from "eventsource-parser";
import { isObject, parseObject } from "../http/json.ts";
import { type Delta, ModelError } from "./model.ts";
import { withoutThoughts } from "./thoughts.ts";

// An event of a few words takes some hundred bytes; a model that sends more than this is not one.
const MAX_EVENT_BYTES = 64 * 1024;
const MAX_STREAM_BYTES = 1024 * 1024;
const MAX_TOOL_CALLS = 4;

type ToolCall = { name: string; arguments: string };
/** What is put together from all events: tool calls, and how many tokens the model says that all of it took. */
type Gathered = { calls: ToolCall[]; tokens: number };

/**
 * Reads an answer that is streamed as server-sent events, in chunks of OpenAI's chat completions or, from older models of
 * Workers AI, as `{"response": "…"}`. What a model thinks (`reasoning_content`, `<think>`) is not said.
 * https://platform.openai.com/docs/api-reference/chat-streaming
 *
 * @throws ModelError where it is anything else, too long, or broken off
 */
export function readDeltas(body: ReadableStream<Uint8Array>): AsyncGenerator<Delta> {
  return withoutThoughts(readEvents(body));
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Delta> {
  const utf8 = new TextDecoder();
  const gathered: Gathered = { calls: [], tokens: 0 };
  let events: string[] = [];
  const parser = createParser({
    onEvent: ({ data }) => events.push(data),
    onError: ({ type }) => {
      if (type === "max-buffer-size-exceeded") throw unreadable("an event has no end");
    },
    maxBufferSize: MAX_EVENT_BYTES,
  });
  let size = 0;
  let isDone = false;
  let isAnswer = false;
  const reader = body.getReader();
  try {
    while (!isDone) {
      const { value, done } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > MAX_STREAM_BYTES) throw unreadable("the answer has no end");
      parser.feed(utf8.decode(value, { stream: true }));
      for (const data of events) {
        if (data === "[DONE]") isDone = true;
        else {
          const text = readEvent(data, gathered);
          isAnswer = true;
          if (text !== "") yield { type: "text", text };
        }
      }
      events = [];
    }
    if (!isAnswer) throw unreadable("there is no answer in it");
    if (gathered.tokens > 0) yield { type: "usage", tokens: gathered.tokens };
    for (const { name, arguments: text } of gathered.calls)
      yield { type: "tool", name, arguments: parseObject(text.trim() || "{}") };
  } finally {
    // Whoever stops listening ends the model's work; nobody waits for that.
    reader.cancel().catch(() => undefined);
  }
}

/** The text of one event. */
function readEvent(data: string, gathered: Gathered): string {
  const event = parseObject(data);
  if (!event) throw unreadable("an event is no JSON object");
  if (event.error !== undefined) throw new ModelError("The model reports an error", "unavailable");
  // Workers AI sends zeros first, and other servers a count with each piece: the largest is of the whole.
  gathered.tokens = Math.max(gathered.tokens, tokensOf(event.usage));
  if (typeof event.response === "string") return event.response;
  const [choice] = Array.isArray(event.choices) ? (event.choices as unknown[]) : [];
  // The last event may have counts alone, and no choice.
  const delta = isObject(choice) && isObject(choice.delta) ? choice.delta : {};
  for (const piece of Array.isArray(delta.tool_calls) ? (delta.tool_calls as unknown[]) : []) {
    if (isObject(piece)) addPiece(piece, gathered.calls);
  }
  return typeof delta.content === "string" ? delta.content : "";
}

/** https://platform.openai.com/docs/api-reference/chat-streaming/streaming#chat-streaming-streaming-usage */
function tokensOf(usage: unknown): number {
  if (!isObject(usage)) return 0;
  const count = (value: unknown) => (Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 0);
  return count(usage.total_tokens) || count(usage.prompt_tokens) + count(usage.completion_tokens);
}

function addPiece({ index, function: called }: Record<string, unknown>, calls: ToolCall[]): void {
  const place = typeof index === "number" ? index : 0;
  if (!isObject(called) || !Number.isInteger(place) || place < 0 || place >= MAX_TOOL_CALLS) return;
  calls[place] ??= { name: "", arguments: "" };
  const call = calls[place];
  if (typeof called.name === "string") call.name += called.name;
  if (typeof called.arguments === "string") call.arguments += called.arguments;
}

function unreadable(reason: string): ModelError {
  return new ModelError(`The model's answer cannot be read: ${reason}`, "unavailable");
}
