import type { components } from "@nixflex/numbers";

type ImportStatus = components["schemas"]["PhoneNumberImport"];

const BAR_WIDTH = 24;
/** Of a terminal that does not tell its width. */
const DEFAULT_WIDTH = 80;
const PERCENT_STEP = 10;
const MINUTE_SECONDS = 60;

/** What was under way when an import was cancelled comes to its end first. */
export const hasEnded = ({ ended_at }: ImportStatus): boolean => ended_at !== null;

/** `[########----------------]  33%  imported 320, failed 13  310 a minute, 2 min left` */
function progressLine(status: ImportStatus): string {
  const share = shareOf(status);
  const done = Math.round(share * BAR_WIDTH);
  const bar = `[${"#".repeat(done)}${"-".repeat(BAR_WIDTH - done)}]`;
  const pace = [
    ...(status.rate_per_minute ? [`${Math.round(status.rate_per_minute)} a minute`] : []),
    ...(status.seconds_left ? [`${duration(status.seconds_left)} left`] : []),
  ];
  const parts = [
    `${bar} ${String(Math.floor(share * 100)).padStart(3)}%`,
    outcomesText(status) || status.status,
    pace.join(", "),
  ];
  return parts.filter(Boolean).join("  ");
}

/** `imported 320, failed 13` */
export function outcomesText({ counts }: ImportStatus): string {
  return Object.entries(counts)
    .filter(([outcome, count]) => outcome !== "waiting" && count > 0)
    .map(([outcome, count]) => `${outcome.replaceAll("_", " ")} ${count}`)
    .join(", ");
}

function shareOf({ status, total, counts }: ImportStatus): number {
  if (status === "completed") return 1;
  const { waiting: _, ...outcomes } = counts;
  const done = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return total > 0 ? Math.min(done / total, 1) : 0;
}

const duration = (seconds: number): string =>
  seconds < MINUTE_SECONDS ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / MINUTE_SECONDS)} min`;

/** Shows progress on standard error: one line that changes, or a line for each tenth if nobody watches. */
export function createProgress({ stderr }: { stderr: NodeJS.WriteStream }) {
  let shown = "";
  let tenth = -1;
  return {
    show(status: ImportStatus) {
      const line = progressLine(status);
      if (stderr.isTTY) stderr.write(`\r${line.slice(0, (stderr.columns || DEFAULT_WIDTH) - 1)}\x1b[K`);
      else {
        const now = Math.floor((shareOf(status) * 100) / PERCENT_STEP);
        if (now > tenth) stderr.write(`${line}\n`);
        tenth = Math.max(now, tenth);
      }
      shown = line;
    },
    /** Leaves the line that was shown last. */
    end() {
      if (stderr.isTTY && shown) stderr.write("\n");
    },
  };
}
