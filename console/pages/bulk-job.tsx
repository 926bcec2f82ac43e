import { api } from "../api.ts";
import { go } from "../route.ts";

type CreateBody = Parameters<typeof api.createPhoneNumberImport>[0]["body"];
export type Items = NonNullable<CreateBody["items"]>;
export type Order = Omit<CreateBody, "items" | "all" | "dry_run">;

/** What the last plan was made with: in memory until the import starts, so that nobody types it twice. */
const planned = new Map<string, Order>();

export const orderOf = (id: string): Order | undefined => planned.get(id);

/** Starts a bulk import, or a plan of one, and shows it. @throws NixflexError */
export async function startImport(order: Order, which: { all: true } | { items: Items }, isPlan: boolean) {
  const body = { ...order, ...which, dry_run: isPlan };
  const { import_id } = await api.createPhoneNumberImport({ body });
  planned.clear();
  if (isPlan) planned.set(import_id, order);
  go("import", import_id);
}
