import { fail } from "../scripts/wrangler.ts";
import { closeConnections } from "./measure/client.ts";
import { type Options, readOptions, type SectionName, USAGE } from "./options.ts";
import type { SectionReport } from "./report/row.ts";
import { terminalTable } from "./report/table.ts";
import { measureImport } from "./sections/import.ts";
import { measureColdStart } from "./sections/cold-start.ts";
import { measureVoice } from "./sections/voice.ts";
import { writeResults } from "./report/results.ts";

// npm run bench: measures the Worker against its floor, an empty handler and the same job done the usual way, and
// reports each as a ratio. docs/performance.md explains it.

const sections: Record<SectionName, (options: Options) => Promise<SectionReport>> = {
  import: measureImport,
  voice: measureVoice,
  cold: measureColdStart,
};

async function run(options: Options): Promise<void> {
  const reports: Partial<Record<SectionName, SectionReport>> = {};
  for (const name of options.sections) {
    const startedAt = performance.now();
    reports[name] = await sections[name](options);
    console.error(`${name}: measured in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
  closeConnections();
  console.log(options.json ? JSON.stringify(reports, null, 2) : terminalTable(Object.values(reports)));
  if (!options.quick) writeResults(reports);
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  fail(error, USAGE);
}
