// A language model without a language model: it answers by plain rules from the facts of its prompt, and says so. It speaks
// OpenAI's chat completions, so that everything around a model can be tried offline.

type ChatMessage = { role: string; content: string };
type Property = { type?: string; enum?: unknown[]; minimum?: number; maxLength?: number };
type Tool = {
  name: string;
  parameters?: { properties?: Record<string, Property>; required?: string[] };
};
type ChatRequest = {
  messages?: ChatMessage[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  tools?: { function: Tool }[];
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

/**
 * The answer, by these rules: goodbyes end, wishes for a person transfer, who says a word of a tool's name has it called,
 * questions get the sentence that fits best.
 */
export function script({ messages = [], tools = [] }: ChatRequest): Answer {
  const said = messages.findLast(({ role }) => role === "user")?.content ?? "";
  const prompt = (messages.find(({ role }) => role === "system")?.content ?? "").replace(OURS, "");
  const tool = (name: string) => tools.find((candidate) => candidate.function.name === name)?.function;
  if (/\b(?:good)?bye\b|that is all/i.test(said) && tool("end_call")) {
    return { text: "Goodbye.", tool: { name: "end_call", arguments: {} } };
  }
  const last = messages.at(-1);
  if (last?.role === "tool") return { text: `This is the answer: ${last.content}` };
  const transfer = tool("transfer_call");
  if (/\b(?:person|human|somebody|someone|transfer|put me through)\b/i.test(said) && transfer) {
    const [number] = transfer.parameters?.properties?.number?.enum ?? [];
    return { text: "I will put you through.", tool: { name: "transfer_call", arguments: { number } } };
  }
  const words = wordsOf(said);
  const wanted = tools
    .map((candidate) => candidate.function)
    .find(({ name }) => !name.endsWith("_call") && wordsOf(name).some((word) => words.includes(word)));
  if (wanted) return { text: "", tool: { name: wanted.name, arguments: argumentsOf(wanted, said) } };
  if (/^(?:hello|hi|good (?:morning|day|evening))[.!]?$/i.test(said.trim()))
    return { text: "Hello. How can I help?" };
  return { text: bestFact(prompt, said) ?? DONT_KNOW };
}

/** What the caller said, as what the tool wants: it is their word, not the model's. */
function argumentsOf({ parameters }: Tool, said: string): Record<string, unknown> {
  const numbers = [...said.matchAll(/\d+/g)].map(Number);
  const given = ({ type, enum: allowed, minimum = 1, maxLength }: Property) => {
    if (allowed) return allowed.find((one) => said.includes(String(one))) ?? allowed[0];
    if (type === "integer" || type === "number") return numbers.shift() ?? minimum;
    if (type === "boolean") return true;
    return type === "array" ? [] : type === "object" ? {} : said.slice(0, maxLength);
  };
  const { properties = {}, required = [] } = parameters ?? {};
  return Object.fromEntries(required.map((name) => [name, given(properties[name] ?? {})]));
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
