import type { Answering } from "../answered-by.tsx";
import { ask } from "../api.ts";
import type { Row } from "../csv.ts";
import { go } from "../route.ts";
import { Field, textOf } from "../ui.tsx";

export const PATH = "/v1/phone-number-imports";
export const MISSING =
  "This deployment imports one number at a time. Update it to import a whole account or a CSV file.";

export type Outcome = "imported" | "already_yours" | "failed" | "skipped" | "planned";

export type Job = {
  import_id: string;
  status: "queued" | "running" | "completed" | "cancelled";
  dry_run: boolean;
  total: number;
  counts: Record<Outcome | "waiting", number>;
  rate_per_minute: number;
  seconds_left: number | null;
  account_errors: { twilio_sid: string; error: { code: string; message: string } }[];
  created_at: string;
};

export type Result = {
  phone_number: string;
  twilio_sid: string | null;
  agent_id: string | null;
  outcome: Outcome | null;
  error: { code: string; message: string; doc_url?: string } | null;
  external_id: string | null;
  plan: { answered_by: { voice: Answering; sms: Answering } } | null;
};

export type Order = {
  twilio_sid: string;
  twilio_token: string;
  agent_id: string | undefined;
  include_subaccounts: boolean;
};

/** What the last plan was made with: in memory until the import starts, so that nobody types it twice. */
const planned = new Map<string, Order>();

export const orderOf = (id: string): Order | undefined => planned.get(id);

/** Starts a bulk import, or a plan of one, and shows it. @throws NixflexError */
export async function startImport(order: Order, which: { all: true } | { items: Row[] }, isPlan: boolean) {
  const body = { ...order, ...which, dry_run: isPlan };
  const { import_id } = await ask<{ import_id: string }>("POST", PATH, { body });
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
