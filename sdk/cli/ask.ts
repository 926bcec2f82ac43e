import { text } from "node:stream/consumers";
import { EXIT, Failure, usage } from "./failures.ts";

// What a person is asked. Questions go to standard error, so that standard output holds results alone.

const isInteractive = () => process.stdin.isTTY === true && process.stderr.isTTY === true;

type Source = {
  /** What it is, such as `Auth Token`. */
  name: string;
  /** The environment's variable that may hold it. */
  variable: string;
  /** The option that reads it from standard input, and whether it was given. */
  option: string;
  isStdin: boolean | undefined;
};

/** A secret: from standard input, the environment or a prompt, never from the arguments, which a shell keeps. */
export async function readSecret({ name, variable, option, isStdin }: Source): Promise<string> {
  const value = isStdin ? await text(process.stdin) : (process.env[variable] ?? (await askSecret(name)));
  if (value?.trim()) return value.trim();
  throw usage(`The ${name} is missing. Set ${variable}, or send it to standard input with ${option}.`);
}

async function askSecret(name: string): Promise<string | undefined> {
  if (!isInteractive()) return undefined;
  const { password } = await import("@clack/prompts");
  return answered(await password({ message: name, output: process.stderr }));
}

export async function askText(message: string, placeholder: string): Promise<string | undefined> {
  if (!isInteractive()) return undefined;
  const prompts = await import("@clack/prompts");
  return answered(await prompts.text({ message, placeholder, output: process.stderr }));
}

/** Ends the command unless the person, or `--yes`, agrees. */
export async function confirm(message: string, isAgreed: boolean | undefined): Promise<void> {
  if (isAgreed) return;
  if (!isInteractive()) throw usage(`${message} Add --yes to agree; nobody can be asked here.`);
  const prompts = await import("@clack/prompts");
  const hasAgreed = answered(await prompts.confirm({ message, initialValue: false, output: process.stderr }));
  if (!hasAgreed) throw new Failure(EXIT.interrupted, "Nothing was changed.");
}

/** A prompt that was ended by Ctrl-C returns a symbol. */
function answered<Value>(value: Value): Exclude<Value, symbol> {
  if (typeof value === "symbol") throw new Failure(EXIT.interrupted, "Nothing was changed.");
  return value as Exclude<Value, symbol>;
}
