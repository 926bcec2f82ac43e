import { newId } from "../ids.ts";
import type { ModelRequest } from "../model/model.ts";
import { messagesOf, NOT_SENT, type ToolCall } from "./call.ts";
import type { ToolDefinition } from "./definition.ts";
import { valueFaults } from "./json-schema.ts";
import { FILLER_SHARE, type TurnOptions, type TurnResult, takeTurn } from "./take-turn.ts";

const MAX_CALLS_A_TURN = 5;
const MAX_CALLS = 20;
const MAX_ARGUMENTS_LENGTH = 8_000;

const NO_MORE = "It was not called: no more tools may be called now. Answer without.";

/** The tools of an agent, and what is done about a call of one. */
export type Toolbox = {
  tools: readonly ToolDefinition[];
  /** How many were called in this conversation. */
  called: number;
  /** Takes another answer of the model, which is to follow. @returns whether there is one */
  take: () => boolean | Promise<boolean>;
  /**
   * Writes a call down: before it is sent, so that it is never sent again, and once its result is known.
   *
   * @returns false if it could not be: then it is not sent
   */
  note: (call: ToolCall) => Promise<unknown>;
  /** Sends it, once. @returns what the model is told */
  send: (tool: ToolDefinition, call: ToolCall) => Promise<string>;
  /** What has been sent, and goes on if the turn is stopped; the next turn waits for it. */
  sent?: { work: Promise<unknown> | null };
};

type Options = Omit<TurnOptions, "request"> & { request: () => ModelRequest };

/**
 * The same as `takeTurn`, but carries out the tools that the model calls, and asks it again with what they answer.
 *
 * @returns what was said in all; its tool is one of the call's own, or none
 * @throws the signal's reason if it is stopped
 */
export async function takeTurnWithTools(options: Options, toolbox: Toolbox): Promise<TurnResult> {
  const { signal, maxCharacters, phrases, patienceMs, say } = options;
  const { sent = { work: null } } = toolbox;
  if (sent.work) {
    say(phrases.filler, false);
    await sent.work.catch(() => undefined);
    signal.throwIfAborted();
  }
  const request = options.request();
  const messages = [...request.messages];
  let said = "";
  let isOver = false;
  for (let count = 0; ; count += 1) {
    const before = said;
    const result = await takeTurn({
      ...options,
      request: { ...request, messages },
      maxCharacters: maxCharacters - said.length,
      say: (piece, isAnswer) => {
        // What is said after a tool was called begins a sentence of its own.
        const gap = isAnswer && count > 0 && said === before ? " " : "";
        if (isAnswer) said += gap + piece;
        say(gap + piece, isAnswer);
      },
    });
    const tool = toolbox.tools.find(({ name }) => name === result.tool?.name);
    if (!tool || !result.tool || isOver) return { ...result, text: said };
    // After a tool comes one more answer. If none is left, the model is not even asked to do without the tool.
    const isTaken = await toolbox.take();
    signal.throwIfAborted();
    if (!isTaken) return { ...result, text: said };
    const call = newCall(tool, result.tool.arguments);
    isOver = count >= Math.min(MAX_CALLS_A_TURN, MAX_CALLS - toolbox.called);
    const work = isOver ? Promise.resolve({ ...call, result: NO_MORE }) : carryOut(tool, call, toolbox);
    sent.work = work;
    if (tool.filler && call.result === null && !isOver) say(` ${tool.filler}`, false);
    const wait = tool.filler || said !== before ? "" : phrases.filler;
    const timer = setTimeout(() => say(wait, false), patienceMs * FILLER_SHARE);
    const done = await work.finally(() => {
      clearTimeout(timer);
      sent.work = null;
    });
    signal.throwIfAborted();
    messages.push(...messagesOf(done, said.slice(before.length).trim()));
  }
}

/** The call of a tool; with a result already, if its arguments are wrong. */
function newCall({ name, parameters }: ToolDefinition, given: Record<string, unknown> | null): ToolCall {
  const json = JSON.stringify(given ?? {});
  const isTooLong = json.length > MAX_ARGUMENTS_LENGTH;
  const faults = isTooLong
    ? [`arguments must have ${MAX_ARGUMENTS_LENGTH} characters at most`]
    : given
      ? valueFaults(parameters, given, "arguments")
      : ["arguments must be a JSON object"];
  const result = faults.length === 0 ? null : `It was not called: ${faults.join("; ")}.`;
  return { id: newId("toolCall"), name, arguments: isTooLong ? "{}" : json, result };
}

async function carryOut(tool: ToolDefinition, call: ToolCall, toolbox: Toolbox): Promise<ToolCall> {
  const isNoted = await toolbox.note(call);
  if (call.result !== null) return call;
  const done = { ...call, result: isNoted === false ? NOT_SENT : await toolbox.send(tool, call) };
  await toolbox.note(done);
  return done;
}
