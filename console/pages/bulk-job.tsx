import { api } from "../api.ts";
import { go } from "../route.ts";
import { Field, textOf } from "../ui.tsx";

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

export function TokenField({ token, onToken }: { token: string; onToken: (token: string) => void }) {
  return (
    <Field label="Auth Token" hint="Sealed while the import runs, and deleted when it ends.">
      {(ids) => (
        <input
          {...ids}
          required
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => onToken(textOf(event))}
        />
      )}
    </Field>
  );
}
