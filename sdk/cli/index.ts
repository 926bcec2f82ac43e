import { CommanderError } from "commander";
import { EXIT, usage } from "./failures.ts";
import { report } from "./output.ts";
import { createProgram } from "./program.ts";

// nixflex-numbers: the command line of Nixflex Numbers.

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever reads the output, such as `head`, has read enough.
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

const isJson = process.argv.includes("--json");

try {
  await createProgram(isJson).parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? ended(error) : report(error, isJson);
}

/** Help or the version was asked for, or the command is wrong; commander has told people already. */
function ended({ exitCode, message }: CommanderError): number {
  if (exitCode === 0) return EXIT.ok;
  return isJson ? report(usage(message), isJson) : EXIT.usage;
}
