import { readDeltas } from "./deltas.ts";
import { type Model, ModelError, type ModelRequest } from "./model.ts";

/** A server that speaks OpenAI's chat completions: OpenAI, Azure, Groq, Mistral, Ollama, vLLM, Cloudflare AI Gateway. */
export type OpenAiCompatible = {
  /** Without a trailing slash; `/chat/completions` is added. */
  baseUrl: string;
  model: string;
  apiKey: string | null;
};

/** The body of a request, the same for every server. https://platform.openai.com/docs/api-reference/chat/create */
export function bodyOf({ messages, tools, maxTokens }: ModelRequest) {
  return {
    messages,
    stream: true,
    max_tokens: maxTokens,
    ...(tools.length > 0 && { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
  };
}

export function openAiCompatible({ baseUrl, model, apiKey }: OpenAiCompatible): Model {
  return async function* answer(request, signal) {
    const response = await send(`${baseUrl}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, ...bodyOf(request) }),
      redirect: "manual",
      signal,
    });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !response.body || !/^text\/event-stream\b/i.test(type)) {
      await response.body?.cancel();
      throw new ModelError(
        `The model answered with ${response.status} ${shortened(type)}`,
        failureOf(response),
      );
    }
    yield* readDeltas(response.body);
  };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    throw new ModelError("The model could not be reached", "unavailable", cause);
  }
}

/** A timeout, a rate limit or a fault of the server may pass; what else is refused will be refused again. */
function failureOf({ status }: Response): ModelError["failure"] {
  return status < 400 || status === 408 || status === 429 || status >= 500 ? "unavailable" : "refused";
}

function shortened(type: string): string {
  return type.slice(0, 40);
}
