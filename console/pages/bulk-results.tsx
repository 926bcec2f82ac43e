import { useEffect, useRef, useState } from "preact/hooks";
import { AnsweredBy } from "../answered-by.tsx";
import { api } from "../api.ts";
import type { Tone } from "../health.ts";
import { Plan } from "../plan.tsx";
import { type Choice, type Column, Table } from "../table.tsx";
import type { BulkImport } from "../types.ts";
import { Button, Content, count, Dialog, Mark, Pages, Problem, Tel, textOf } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { type Items, orderOf, startImport } from "./bulk-job.tsx";

export type Outcome = Exclude<keyof BulkImport["counts"], "waiting">;

export const TONES: Record<Outcome, Tone> = {
  imported: "good",
  already_yours: "good",
  planned: "good",
  skipped: "warn",
  failed: "bad",
};

type Result = Awaited<ReturnType<typeof api.listPhoneNumberImportResults>>["results"][number];

const SHOWN = 100;

/** Every number of a plan that can be imported. @throws NixflexError */
async function allPlanned(import_id: string): Promise<Items> {
  const items: Items = [];
  for (let total = 1; items.length < total; ) {
    const query = { outcome: "planned" as const, limit: SHOWN, offset: items.length };
    const page = await api.listPhoneNumberImportResults({ path: { import_id }, query });
    if (page.results.length === 0) break;
    total = page.count;
    for (const { phone_number, twilio_sid, agent_id, external_id } of page.results) {
      items.push({
        phone_number,
        ...(twilio_sid && { twilio_sid }),
        ...(agent_id && { agent_id }),
        ...(external_id && { external_id }),
      });
    }
  }
  return items;
}

/** What became of each number, or after a plan, which of them to import. */
export function Results({ id, done, plannedCount }: { id: string; done: number; plannedCount: number }) {
  const order = orderOf(id);
  const [outcome, setOutcome] = useState<Outcome | "">("");
  const [offset, setOffset] = useState(0);
  // All are imported but these, or none but these: a plan may have more numbers than a page shows.
  const [isAll, setAll] = useState(true);
  const [except, setExcept] = useState<ReadonlySet<string>>(new Set());
  const isChosen = ({ phone_number }: { phone_number: string }) => except.has(phone_number) !== isAll;
  const chosenCount = isAll ? plannedCount - except.size : except.size;
  const isChoosing = order !== undefined && plannedCount > 0;
  const start = useAction(async () => {
    if (!order) return;
    const items = (await allPlanned(id)).filter(isChosen);
    await startImport(order, { items }, false);
  });
  const [lookedAt, setLookedAt] = useState<{ phone_number: string; agent_id: string | null }>();
  const chooseAll = (isChosen: boolean) => {
    setAll(isChosen);
    setExcept(new Set());
  };
  const toggle = (phoneNumber: string) => {
    const next = new Set(except);
    if (!next.delete(phoneNumber)) next.add(phoneNumber);
    setExcept(next);
  };
  const loaded = useLoaded(
    () =>
      api.listPhoneNumberImportResults({
        path: { import_id: id },
        query: { ...(outcome !== "" && { outcome }), limit: SHOWN, offset },
      }),
    [id, outcome, offset],
  );
  // What came of the numbers since: the same page once more.
  const seen = useRef(done);
  useEffect(() => {
    if (seen.current !== done) loaded.again();
    seen.current = done;
  }, [done]);
  const choice: Choice<Result> = {
    title: "Import",
    labelOf: ({ outcome, phone_number }) => (outcome === "planned" ? `Import ${phone_number}` : undefined),
    isChosen,
    onToggle: ({ phone_number }) => toggle(phone_number),
  };
  const columns: Column<Result>[] = [
    { title: "Number", cell: ({ phone_number }) => <Tel of={phone_number} /> },
    {
      title: "Outcome",
      cell: ({ outcome }) =>
        outcome === null ? (
          <span class="quiet">waiting</span>
        ) : (
          <Mark tone={TONES[outcome]}>{outcome.replace("_", " ")}</Mark>
        ),
    },
    {
      title: "Why, or who answers today",
      cell: (result) => (
        <>
          {result.error?.message}
          {result.plan && <AnsweredBy who={result.plan.answered_by.voice} />}{" "}
          {/* Twilio wants a subaccount's own Auth Token, which the page does not have. */}
          {isChoosing && result.plan && result.twilio_sid === order.twilio_sid && (
            <button type="button" class="link" onClick={() => setLookedAt(result)}>
              What changes<span class="hidden"> for {result.phone_number}</span>
            </button>
          )}
        </>
      ),
    },
  ];
  return (
    <section>
      <div class="title">
        <h2>Numbers</h2>
        <select
          aria-label="Outcome"
          value={outcome}
          onChange={(event) => {
            setOutcome(textOf(event) as Outcome | "");
            setOffset(0);
          }}
        >
          <option value="">All</option>
          {Object.keys(TONES).map((name) => (
            <option key={name} value={name}>
              {name.replace("_", " ")}
            </option>
          ))}
        </select>
      </div>
      {isChoosing && (
        <>
          <p>These are the numbers and who answers them today. Untick those that should stay as they are.</p>
          <Problem error={start.error} />
          <div class="actions">
            <Button kind="primary" onClick={start.run} isBusy={start.isBusy} isDisabled={chosenCount === 0}>
              Import {count(chosenCount, "number")}
            </Button>
            {chosenCount > 0 && <Button onClick={() => chooseAll(false)}>Select none</Button>}
            {chosenCount < plannedCount && <Button onClick={() => chooseAll(true)}>Select all</Button>}
          </div>
        </>
      )}
      <Content of={loaded}>
        {({ results, count: total, offset: at }) => (
          <>
            <Table
              caption="Numbers of this import"
              columns={columns}
              rows={results}
              keyOf={({ phone_number }) => phone_number}
              choice={isChoosing ? choice : undefined}
            />
            <Pages of="results" offset={at} size={SHOWN} total={total} onOffset={setOffset} />
          </>
        )}
      </Content>
      {order && lookedAt && (
        <PlanDialog
          body={{
            phone_number: lookedAt.phone_number,
            ...(order.twilio_sid !== undefined && { twilio_sid: order.twilio_sid }),
            ...(order.twilio_token !== undefined && { twilio_token: order.twilio_token }),
            agent_id: lookedAt.agent_id ?? order.agent_id ?? "",
          }}
          onClose={() => setLookedAt(undefined)}
        />
      )}
    </section>
  );
}

/** The plan of one of the numbers, as a single import shows it. */
function PlanDialog({
  body,
  onClose,
}: {
  body: Parameters<typeof api.importPhoneNumber>[0]["body"];
  onClose: () => void;
}) {
  const loaded = useLoaded(
    () => api.importPhoneNumber({ body, query: { dry_run: "true" } }),
    [body.phone_number],
  );
  return (
    <Dialog title={`The plan for ${body.phone_number}`} onClose={onClose}>
      <Content of={loaded}>{(plan) => "changes" in plan && <Plan plan={plan} />}</Content>
      <div class="actions">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  );
}
