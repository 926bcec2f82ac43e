// A language model without a language model: it answers by plain rules from the facts of its prompt, and says so. It speaks
// OpenAI's chat completions, so that everything around a model can be tried offline.

type ChatMessage = { role: string; content: string };
type ChatRequest = {
  messages?: ChatMessage[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  tools?: { function: { name: string; parameters?: { properties?: { number?: { enum?: string[] } } } } }[];
};

type Answer = { text: string; tool?: { name: string; arguments: Record<string, unknown> } };

const DONT_KNOW = "I am a scripted model without knowledge of my own, and my prompt says nothing about that.";
// What the service itself says to a model behind the customer's prompt is no fact to quote.
const OURS = /\n\n(?:You are speaking on the telephone|You are answering a text message)[\s\S]*$/;
const COMMON = new Set(
  "a an and are at can could do does for from have how i in is it me my of on or our please tell that the there to we what when where which who with you your".split(
    " ",
  ),
);

/** `POST /v1/chat/completions`, streamed. */
export async function answerChat(request: Request): Promise<Response> {
  const body = (await request.json()) as ChatRequest;
  if (!body.stream || !body.messages?.length) {
    return Response.json({ error: { message: "messages and stream: true are needed" } }, { status: 400 });
  }
  return stream(script(body), body);
}

/** The answer, by these rules: goodbyes end, wishes for a person transfer, questions get the sentence that fits best. */
export function script({ messages = [], tools = [] }: ChatRequest): Answer {
  const said = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const prompt = (messages.find(({ role }) => role === "system")?.content ?? "").replace(OURS, "");
  const tool = (name: string) => tools.find((candidate) => candidate.function.name === name)?.function;
  if (/\b(?:good)?bye\b|that is all/i.test(said) && tool("end_call")) {
    return { text: "Goodbye.", tool: { name: "end_call", arguments: {} } };
  }
  const transfer = tool("transfer_call");
  if (/\b(?:person|human|somebody|someone|transfer|put me through)\b/i.test(said) && transfer) {
    const [number] = transfer.parameters?.properties?.number?.enum ?? [];
    return { text: "I will put you through.", tool: { name: "transfer_call", arguments: { number } } };
  }
  if (/^(?:hello|hi|good (?:morning|day|evening))[.!]?$/i.test(said.trim()))
    return { text: "Hello. How can I help?" };
  return { text: bestFact(prompt, said) ?? DONT_KNOW };
}

function bestFact(prompt: string, question: string): string | undefined {
  const wanted = wordsOf(question);
  const facts = prompt.match(/[^.!?\n]+[.!?]?/g)?.map((fact) => fact.trim()) ?? [];
  const scored = facts.map((fact) => ({
    fact,
    score: wordsOf(fact).filter((word) => wanted.includes(word)).length,
  }));
  const best = scored.toSorted((one, other) => other.score - one.score)[0];
  return best && best.score > 0 ? best.fact : undefined;
}

/** Words that mean something, without their endings: "opening hours" is about "open". */
function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => !COMMON.has(word)).map((word) => word.replace(/(?:ing|ed|es|s)$/, ""));
}

const wordsIn = (text: string) => text.match(/\S+/g)?.length ?? 0;

function stream({ text, tool }: Answer, { messages = [], stream_options }: ChatRequest): Response {
  const pieces = text.match(/\S+\s*/g) ?? [];
  const deltas: object[] = pieces.map((content) => ({ content }));
  if (tool) {
    const called = { name: tool.name, arguments: JSON.stringify(tool.arguments) };
    deltas.push({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: called }] });
  }
  const chunks = deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }));
  const end = { choices: [{ index: 0, delta: {}, finish_reason: tool ? "tool_calls" : "stop" }] };
  // "An additional chunk will be streamed before the data: [DONE] message": OpenAI's reference, stream_options.
  const prompt_tokens = messages.reduce((sum, { content }) => sum + wordsIn(content), 0);
  const counts = {
    prompt_tokens,
    completion_tokens: pieces.length,
    total_tokens: prompt_tokens + pieces.length,
  };
  const usage = stream_options?.include_usage ? [{ choices: [], usage: counts }] : [];
  const events = [...chunks, end, ...usage].map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`);
  return new Response(`${events.join("")}data: [DONE]\n\n`, {
    headers: { "content-type": "text/event-stream" },
  });
}
