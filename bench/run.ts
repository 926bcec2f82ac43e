import { fail } from "../scripts/wrangler.ts";
import { type Options, readOptions, type SectionName, USAGE } from "./options.ts";
import { markdown, type SectionReport, writeDocs } from "./report.ts";
import { measureBulk } from "./sections/bulk.ts";
import { measureColdStart } from "./sections/cold-start.ts";
import { measureEvents } from "./sections/events.ts";
import { measureFleet } from "./sections/fleet.ts";
import { measureImport } from "./sections/import.ts";
import { measureJob } from "./sections/job.ts";
import { measureLoad } from "./sections/load.ts";
import { measureReconciliation } from "./sections/reconcile.ts";
import { measureRegistry } from "./sections/registry.ts";
import { measureTalk } from "./sections/talk.ts";
import { measureVoice } from "./sections/voice.ts";

// npm run bench: measures the Worker against its floor, an empty handler and the same job done the usual way, and
// reports each as a ratio. docs/performance.md explains it.

const sections: Record<SectionName, (options: Options) => Promise<SectionReport>> = {
  import: measureImport,
  voice: measureVoice,
  talk: measureTalk,
  cold: measureColdStart,
  load: measureLoad,
  bulk: measureBulk,
  job: measureJob,
  events: measureEvents,
  registry: measureRegistry,
  reconcile: measureReconciliation,
  fleet: measureFleet,
};

async function run(options: Options): Promise<void> {
  const reports: SectionReport[] = [];
  for (const name of options.sections) {
    const startedAt = performance.now();
    reports.push(await sections[name](options));
    console.error(`${name}: measured in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
  console.log(reports.map(markdown).join("\n"));
  if (!options.quick) writeDocs(reports);
}

let options: Options | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  fail(error, USAGE);
}
if (options) await run(options).catch((error: unknown) => fail(error));
// What a failure left running ends with this process.
process.exit();
