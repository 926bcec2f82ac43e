import { unstable_readConfig as readConfig } from "wrangler";

const PLACEHOLDER_ID = /^[0-]+$/;

/** What is wrong with the database and the address in wrangler.toml; undefined if nothing is. */
export function deploymentFaults(): { database: string | undefined; address: string | undefined } {
  const { d1_databases, vars } = readConfig({ config: "wrangler.toml" });
  return {
    database: PLACEHOLDER_ID.test(d1_databases[0]?.database_id ?? "")
      ? "wrangler.toml: database_id is a placeholder. Run `npx wrangler d1 create nixflex-numbers --location enam` and copy the id that it prints."
      : undefined,
    address: String(vars.PUBLIC_BASE_URL).startsWith("https://")
      ? undefined
      : "wrangler.toml: PUBLIC_BASE_URL is not an https URL. Set it to the address of your Worker.",
  };
}

type Queues = {
  producers?: { queue: string }[];
  consumers?: { queue: string; dead_letter_queue?: string }[];
};

/** The names of all queues in wrangler.toml: of producers, of consumers, and of dead letters. */
export function queueNames(): string[] {
  const { producers = [], consumers = [] }: Queues = readConfig({ config: "wrangler.toml" }).queues;
  const names = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue }) => [queue, dead_letter_queue]),
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}
