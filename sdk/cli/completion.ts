import { Argument, type Command, type Option } from "commander";
import type { Act } from "./act.ts";

// Completion for shells: each has a few lines that ask this program what may follow the words typed so far.

const SHELLS = {
  bash: `_nixflex_numbers() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(nixflex-numbers __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _nixflex_numbers nixflex-numbers
`,
  zsh: `#compdef nixflex-numbers
_nixflex_numbers() {
  local -a found
  found=(\${(f)"$(nixflex-numbers __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _nixflex_numbers nixflex-numbers
`,
  fish: `complete -c nixflex-numbers -a '(nixflex-numbers __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

export const completing: readonly Act[] = [
  {
    name: "completion",
    does: "print the completion of a shell",
    takes: [new Argument("<shell>").choices(Object.keys(SHELLS))],
    help: `
Add to your shell's start:
  bash  source <(nixflex-numbers completion bash)     in ~/.bashrc
  zsh   source <(nixflex-numbers completion zsh)      in ~/.zshrc, after compinit
  fish  nixflex-numbers completion fish | source      in ~/.config/fish/config.fish`,
    run: (_, shell: keyof typeof SHELLS) => ({
      answer: { shell, script: SHELLS[shell] },
      text: SHELLS[shell],
    }),
  },
];

/** What those lines ask. */
export function addCompletion(program: Command): void {
  program.command("__complete [words...]", { hidden: true }).action((words: string[]) => {
    process.stdout.write(
      completions(program, words)
        .map((word) => `${word}\n`)
        .join(""),
    );
  });
}

/**
 * What may stand in the place of the last word, which is begun or empty.
 *
 * @internal
 */
export function completions(program: Command, words: readonly string[]): string[] {
  const begun = words.at(-1) ?? "";
  let command = program;
  let option: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (option?.required) option = undefined;
    else if (word.startsWith("-"))
      option = optionsOf(command).find(({ short, long }) => short === word || long === word);
    else {
      option = undefined;
      command = command.commands.find((one) => one.name() === word) ?? command;
    }
  }
  const next = option?.required || option?.optional ? (option.argChoices ?? []) : [];
  const isValue = option?.required === true;
  const others = isValue
    ? []
    : [...visibleCommands(command), ...choicesOf(command), ...flagsOf(command, begun)];
  return [...next, ...others].filter((word) => word.startsWith(begun));
}

const optionsOf = (command: Command): Option[] => [
  ...command.options,
  ...(command.parent === null ? [] : optionsOf(command.parent)),
];

const visibleCommands = (command: Command): string[] =>
  command.commands.map((one) => one.name()).filter((name) => !name.startsWith("_"));

const choicesOf = (command: Command): string[] =>
  command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);

/** Options are offered once a dash is there. */
const flagsOf = (command: Command, begun: string): string[] =>
  begun.startsWith("-")
    ? [...optionsOf(command).map(({ long }) => long ?? ""), "--help"].filter(Boolean)
    : [];
