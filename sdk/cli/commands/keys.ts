import type { Act, Given } from "../act.ts";
import { confirm } from "../ask.ts";
import { replaceKept } from "../connection.ts";
import { type Yes, yesOption } from "../options.ts";
import { note } from "../output.ts";

export const keys: readonly Act[] = [
  {
    name: "keys rotate",
    does: "replace the secret that your key was made with, and print the new one once; the old one ends at once",
    takes: [yesOption()],
    help: `
If the answer is lost, so is the secret: create a second one before, with \`secrets create\`. What \`login\` keeps is
replaced as well.`,
    examples: ["nixflex-numbers keys rotate --yes | pass insert --multiline nixflex/key"],
    async run({ nixflex, options }: Given<Yes>) {
      await confirm("Replace the secret of your key? What uses the old one stops working.", options.yes);
      const answer = await nixflex.rotateKey();
      const key = `${answer.key_id}:${answer.key_secret}`;
      // The only copy of a secret must be printed whatever becomes of the file.
      note(keptText(key));
      return { answer, text: key };
    },
  },
];

function keptText(key: string): string {
  try {
    const path = replaceKept(key);
    return path === undefined
      ? "It cannot be shown again."
      : `It is kept in ${path}, and cannot be shown again.`;
  } catch (error) {
    return `It cannot be shown again, and could not be kept for \`login\`: ${(error as Error).message}`;
  }
}
