import { globSync, statSync } from "node:fs";
import { oneByOne } from "../measure/rounds.ts";
import { median } from "../measure/statistics.ts";
import type { Options } from "../options.ts";
import { type Row, row, type SectionReport } from "../report.ts";
import { answer, signedCall } from "../systems/calls.ts";
import { scratch } from "../systems/scratch.ts";
import { type SeededAccount, seed } from "../systems/seed.ts";
import { startSystems } from "../systems/systems.ts";
import { PUBLIC_BASE_URL } from "../systems/workerd.ts";

/** Keys; each has 5 accounts of 10 numbers, so that 20,000 of them have a million numbers. */
const KEYS = [20, 200, 2_000, 20_000];
const PER_KEY = { accountsPerKey: 5, numbersPerAccount: 10 };
const REPEATS = 40;

/** What one call costs, as more and more numbers are in the database. */
export async function measureRegistry({ quick }: Options): Promise<SectionReport> {
  const systems = await startSystems();
  const { d1, customer, account, twilio, urls, secrets } = systems;
  const levels: Level[] = [];
  const accounts: SeededAccount[] = [];
  for (const keys of quick ? KEYS.slice(0, 2) : KEYS) {
    const from = accounts.length / PER_KEY.accountsPerKey;
    const target = { d1, encryptionKeys: secrets.TOKEN_ENCRYPTION_KEYS, urlOf: () => null, from };
    for (const added of await seed(target, { keys, ...PER_KEY })) accounts.push(added);
    // Spread over the whole table, so that nothing near by is in the cache.
    const some = Array.from(
      { length: REPEATS },
      (_, index) => accounts[((index + 1) * 7_919) % accounts.length] as SeededAccount,
    );
    const calls = some.map((one, index) => callTo(one, index, urls.worker));
    const numbers = await twilio.addNumbers(account, REPEATS);
    levels.push({
      numbers: accounts.length * PER_KEY.numbersPerAccount,
      import: median(await oneByOne(numbers, (number) => customer(account, number))),
      call: median(await oneByOne(await Promise.all(calls), answer)),
      ...(await reads(d1, some)),
      bytes: databaseBytes(),
    });
  }
  await systems.close();

  const [first, ...further] = levels;
  return {
    title: "The registry",
    rows: first ? further.flatMap((level) => rowsOf(level, first)) : [],
    plot: {
      title: "As the registry grows",
      steps: levels.map(({ numbers }) => written(numbers)),
      unit: "ms",
      lines: {
        "a page of numbers": levels.map(({ list }) => list),
        "an account's numbers": levels.map(({ check }) => check),
        "one number": levels.map(({ lookUp }) => lookUp),
        "an import": levels.map((level) => level.import),
        "a call": levels.map(({ call }) => call),
      },
    },
    // The file is as large as it was when the bench began, or larger.
    notes: levels.slice(-1).map(({ numbers, bytes }) => {
      const each = Math.round(bytes / numbers);
      return `${written(numbers)} numbers are ${written(Math.round(bytes / 2 ** 20))} MiB: ${written(each)} bytes each, with their share of keys, agents and accounts.`;
    }),
  };
}

type Level = {
  numbers: number;
  import: number;
  call: number;
  list: number;
  lookUp: number;
  check: number;
  rowsRead: number;
  bytes: number;
};

const written = (value: number) => value.toLocaleString("en-US");

function rowsOf(level: Level, first: Level): Row[] {
  const parts = [
    ["import", "an import", "ms"],
    ["call", "a call to a number that is not cached", "ms"],
    ["list", "D1: a page of a key's numbers, with their count", "ms"],
    ["lookUp", "D1: one number", "ms"],
    ["check", "D1: the numbers of an account, for its check", "ms"],
    ["rowsRead", "D1: rows that these three read", "rows"],
  ] as const;
  const than = `${written(first.numbers)} numbers`;
  return parts.map(([part, what, unit]) =>
    row(`${written(level.numbers)} numbers: ${what}`, unit, [level[part]], than, [first[part]]),
  );
}

/** What D1 takes for the reads whose cost could grow, and how many rows they read. */
async function reads(d1: D1Database, some: readonly SeededAccount[]) {
  let rowsRead = 0;
  const time = async (sql: string, values: (one: SeededAccount) => string[]) => {
    const times = await oneByOne(some, async (one) => {
      const statement = d1.prepare(sql).bind(...values(one));
      rowsRead += (await statement.all()).meta.rows_read / some.length;
    });
    return median(times);
  };
  return {
    list: await time(
      `SELECT *, (SELECT COUNT(*) FROM phone_numbers WHERE api_key_id = ?1) AS total
       FROM phone_numbers WHERE api_key_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 25`,
      ({ apiKeyId }) => [apiKeyId],
    ),
    lookUp: await time("SELECT * FROM phone_numbers WHERE phone_number = ?1", ({ numbers }) => [
      numbers[0]?.phone_number ?? "",
    ]),
    check: await time(
      `SELECT * FROM phone_numbers WHERE api_key_id = ?1 AND account_sid = ?2
       ORDER BY twilio_number_sid LIMIT 1000`,
      ({ apiKeyId, sid }) => [apiKeyId, sid],
    ),
    rowsRead,
  };
}

function callTo(account: SeededAccount, index: number, origin: string) {
  const number = account.numbers[index % account.numbers.length];
  const url = `${PUBLIC_BASE_URL}/webhooks/twilio/${number?.id}/voice`;
  return signedCall(account, number?.phone_number ?? "", url, origin);
}

function databaseBytes(): number {
  const files = globSync(`${scratch("")}/*/**/*.sqlite*`);
  return Math.max(...files.map((file) => statSync(file).size));
}
