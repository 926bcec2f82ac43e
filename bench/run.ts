import { fail } from "../scripts/wrangler.ts";
import { type Options, readOptions, type SectionName, USAGE } from "./options.ts";
import { printed, type SectionReport, writeDocs } from "./report.ts";
import { measureColdStart } from "./sections/cold-start.ts";
import { measureEvents } from "./sections/events.ts";
import { measureFleet } from "./sections/fleet.ts";
import { measureImport } from "./sections/import.ts";
import { measureJob } from "./sections/job.ts";
import { measurePart } from "./sections/part.ts";
import { measureTalk } from "./sections/talk.ts";
import { measureVoice } from "./sections/voice.ts";

// npm run bench: measures the Worker against the least that is possible, and reports each as a ratio.
// docs/decisions/0023-bench.md explains how.

const sections: Record<SectionName, (options: Options) => Promise<SectionReport>> = {
  import: measureImport,
  voice: measureVoice,
  cold: measureColdStart,
  talk: measureTalk,
  job: measureJob,
  events: measureEvents,
  fleet: measureFleet,
  part: measurePart,
};

async function run(options: Options): Promise<void> {
  const reports: SectionReport[] = [];
  for (const name of options.sections) {
    const startedAt = performance.now();
    reports.push(await sections[name](options));
    console.error(`${name}: measured in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
  console.log(reports.map(printed).join("\n"));
  if (!options.quick) writeDocs(reports);
}

try {
  const options = readOptions(process.argv.slice(2));
  await run(options).catch((error: unknown) => fail(error));
} catch (error) {
  fail(error, USAGE);
}
// What a failure left running ends with this process.
process.exit();
