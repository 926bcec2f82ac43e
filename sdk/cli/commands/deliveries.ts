import type { components, operations } from "@nixflex/numbers";
import { type Command, Option } from "commander";
import { examples, limitOption, opened } from "../options.ts";
import { print, table } from "../output.ts";
import { listAll } from "../pages.ts";

type Delivery = components["schemas"]["Delivery"];
type State = NonNullable<NonNullable<operations["listDeliveries"]["parameters"]["query"]>["state"]>;

const STATES: readonly State[] = ["pending", "delivered", "failed"];
const DEFAULT_LIMIT = 25;

export function addDeliveries(program: Command): void {
  const deliveries = program.command("deliveries").description("list events, and send them again");
  deliveries
    .command("list", { isDefault: true })
    .description("list events and what became of them, the newest first")
    .addOption(new Option("--state <state>", "only events of this state").choices(STATES))
    .option("--external-id <id>", "only events of numbers that had this external_id then")
    .addOption(limitOption().default(DEFAULT_LIMIT))
    .addHelpText(
      "after",
      examples("nixflex-numbers deliveries", "nixflex-numbers deliveries list --state failed"),
    )
    .action(listDeliveries);
  deliveries
    .command("redeliver <event>")
    .description("send an event again")
    .addHelpText(
      "after",
      examples("nixflex-numbers deliveries redeliver evt_1f0c77d21f0c77d21f0c77d21f0c77d2"),
    )
    .action(async (id: string, _: unknown, command: Command) => {
      const { nixflex, options } = opened(command);
      const answer = await nixflex.redeliver({ path: { id } });
      print(options.json, answer, () => deliveriesText([answer.delivery]));
    });
}

async function listDeliveries(_: unknown, command: Command): Promise<void> {
  const { nixflex, options } = opened<{ state?: State; externalId?: string; limit: number }>(command);
  const { state, externalId, limit, json } = options;
  const filter = {
    ...(state !== undefined && { state }),
    ...(externalId !== undefined && { external_id: externalId }),
  };
  const deliveries = await listAll(async (page) => {
    const { deliveries: entries } = await nixflex.listDeliveries({ query: { ...filter, ...page } });
    return entries;
  }, limit);
  print(json, { deliveries }, () =>
    deliveries.length === 0 ? "There are no events." : deliveriesText(deliveries),
  );
}

function deliveriesText(deliveries: readonly Delivery[]): string {
  return table(
    ["id", "event", "state", "attempts", "last answer", "next attempt"],
    deliveries.map(({ id, event, state, attempts, next_attempt_at }) => {
      const last = attempts.at(-1);
      return [id, event, state, attempts.length, last?.http_status ?? last?.error, next_attempt_at];
    }),
  );
}
