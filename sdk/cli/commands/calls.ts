import { writeFileSync } from "node:fs";
import type { components, operations } from "@nixflex/numbers";
import { Option } from "commander";
import { type Act, type Given, named, rows } from "../act.ts";
import { confirm } from "../ask.ts";
import { agentOption, externalIdOption, type Limited, limitOption, type Yes, yesOption } from "../options.ts";
import { clean, fields } from "../output.ts";
import { listAll } from "../pages.ts";

type Call = components["schemas"]["CallWithTranscript"];
type Query = NonNullable<operations["listCalls"]["parameters"]["query"]>;
type ListOptions = Limited &
  Pick<Query, "direction" | "status"> & { agent?: string; number?: string; externalId?: string };

const DEFAULT_LIMIT = 25;

export const calls: readonly Act[] = [
  {
    name: "calls list",
    does: "list calls, the newest first",
    takes: [
      agentOption("only calls of this agent"),
      new Option("--number <number>", "only calls of this number of yours"),
      externalIdOption("only calls of numbers that had this external_id then"),
      new Option("--direction <direction>", "inbound or outbound").choices(["inbound", "outbound"]),
      new Option("--status <status>", "only calls of this status, such as no-answer"),
      limitOption().default(DEFAULT_LIMIT),
    ],
    examples: ["nixflex-numbers calls list --number +447446466847 --direction inbound"],
    async run({ nixflex, options }: Given<ListOptions>) {
      const query = named(options, {
        agent: "agent_id",
        number: "phone_number",
        externalId: "external_id",
        direction: "direction",
        status: "status",
      });
      return rows(
        "calls",
        await listAll(nixflex.listCalls, { query }, options.limit),
        {
          call: (one) => one.call_id,
          direction: (one) => one.direction,
          from: (one) => one.from,
          to: (one) => one.to,
          status: (one) => one.status,
          seconds: (one) => one.duration_seconds,
          started: (one) => one.started_at,
          agent: (one) => one.agent_id,
        },
        "There are no calls.",
      );
    },
  },
  {
    name: "calls show <call>",
    does: "show a call, and what was said",
    examples: ["nixflex-numbers calls show CA…"],
    async run({ nixflex }, call_id: string) {
      const call = await nixflex.getCall({ path: { call_id } });
      return { answer: call, text: callText(call) };
    },
  },
  {
    name: "calls recording <call>",
    does: "write the recording of a call into a file",
    takes: [new Option("--out <file>", "where it goes; an older file is overwritten").default("call.mp3")],
    async run({ nixflex, options }: Given<{ out: string }>, call_id: string) {
      const recording = await nixflex.getRecording({ path: { call_id } });
      writeFileSync(options.out, new Uint8Array(await recording.arrayBuffer()), { mode: 0o600 });
      const text = `The recording is in ${options.out}.`;
      return { answer: { call_id, recording: options.out }, text };
    },
  },
  {
    name: "calls hangup <call>",
    does: "end a call that is under way",
    async run({ nixflex }, call_id: string) {
      const call = await nixflex.hangUp({ path: { call_id } });
      return { answer: call, text: `${call_id} is ${call.status}.` };
    },
  },
  {
    name: "calls delete <call>",
    does: "delete a call, what was said, and its recording",
    takes: [yesOption()],
    async run({ nixflex, options }: Given<Yes>, call_id: string) {
      await confirm(`Delete ${call_id}? What was said is gone then.`, options.yes);
      const answer = await nixflex.deleteCall({ path: { call_id } });
      return { answer, text: `${call_id} is deleted.` };
    },
  },
];

function callText({ transcript, data, ...call }: Call): string {
  const said = transcript.map(({ role, text, at, interrupted }) =>
    [at?.slice(11, 19) ?? "", role, `${clean(text)}${interrupted ? " (interrupted)" : ""}`].join("  ").trim(),
  );
  const of = Object.entries(data ?? {}).map(([name, value]) => [`data.${name}`, value]);
  return [
    fields({ ...call, ...Object.fromEntries(of) }),
    said.length === 0 ? "No transcript was kept." : said.join("\n"),
  ].join("\n\n");
}
