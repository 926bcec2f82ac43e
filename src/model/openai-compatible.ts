import { readDeltas } from "./deltas.ts";
import { type Model, ModelError, type ModelRequest } from "./model.ts";

/** A server that speaks OpenAI's chat completions: OpenAI, Azure, Groq, Mistral, Ollama, vLLM, Cloudflare AI Gateway. */
export type OpenAiCompatible = {
  /** Without a trailing slash; `/chat/completions` is added. */
  baseUrl: string;
  model: string;
  apiKey: string | null;
};

/** What a model was found not to take. */
const REFUSABLE = ["max_tokens", "max_completion_tokens", "tools", "stream_options"] as const;
type Refused = (typeof REFUSABLE)[number];

/** By server and model; a new isolate finds it out again. */
export const REFUSED = new Map<string, Set<Refused>>();
const MAX_REFUSAL_LENGTH = 4_096;

/** The body of a request. https://platform.openai.com/docs/api-reference/chat/create */
export function bodyOf(
  { messages, tools, maxTokens }: ModelRequest,
  refused: ReadonlySet<Refused> = new Set(),
) {
  // OpenAI's and Azure's current models refuse the older name, and other servers do not know the newer one.
  const limit = refused.has("max_tokens") ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens };
  return {
    messages,
    stream: true,
    // Without it OpenAI's streams do not say how many tokens they took.
    ...(!refused.has("stream_options") && { stream_options: { include_usage: true } }),
    ...(!refused.has("max_completion_tokens") && limit),
    ...(tools.length > 0 &&
      !refused.has("tools") && { tools: tools.map((tool) => ({ type: "function", function: tool })) }),
  };
}

export function openAiCompatible({ baseUrl, model, apiKey }: OpenAiCompatible): Model {
  const name = `${baseUrl} ${model}`;
  return async function* answer(request, signal) {
    for (;;) {
      const refused = REFUSED.get(name) ?? new Set<Refused>();
      const body = bodyOf(request, refused);
      const response = await send(`${baseUrl}/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "text/event-stream",
          ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
        },
        body: JSON.stringify({ model, ...body }),
        redirect: "manual",
        signal,
      });
      const type = response.headers.get("content-type") ?? "";
      if (response.ok && response.body && /^text\/event-stream\b/i.test(type)) {
        yield* readDeltas(response.body);
        return;
      }
      const other = await refusalOf(response, Object.keys(body));
      if (!other)
        throw new ModelError(
          `The model answered with ${response.status} ${type.slice(0, 40)}`,
          failureOf(response),
        );
      REFUSED.set(name, new Set([...refused, other]));
    }
  };
}

/** What of the request the server refuses to take, if it says so and there is a way without it. */
async function refusalOf(response: Response, sent: readonly string[]): Promise<Refused | undefined> {
  if (response.status !== 400 && response.status !== 422) {
    await response.body?.cancel();
    return undefined;
  }
  const text = (await response.text()).slice(0, MAX_REFUSAL_LENGTH);
  const names = REFUSABLE.filter((one) => sent.includes(one));
  return names.find((one) => new RegExp(`\\b${one}\\b`).test(text));
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
