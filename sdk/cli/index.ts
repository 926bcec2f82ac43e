import { CommanderError } from "commander";
import { EXIT } from "./failures.ts";
import { report } from "./output.ts";
import { createProgram } from "./program.ts";

// nixflex-numbers: the command line of Nixflex Numbers.

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever reads the output, such as `head`, has read enough.
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  // Commander has said what is wrong already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else process.exitCode = report(error, process.argv.includes("--json"));
}
