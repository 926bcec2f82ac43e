import { useState } from "preact/hooks";
import { AnsweredBy } from "../answered-by.tsx";
import { api } from "../api.ts";
import { Plan } from "../plan.tsx";
import type { BulkImport } from "../types.ts";
import { Button, Content, count, Dialog, Mark, Problem, textOf } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { type Items, orderOf, startImport } from "./bulk-job.tsx";

export type Outcome = Exclude<keyof BulkImport["counts"], "waiting">;

export const TONES: Record<Outcome, "good" | "warn" | "bad"> = {
  imported: "good",
  already_yours: "good",
  planned: "good",
  skipped: "warn",
  failed: "bad",
};

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
  const [excluded, setExcluded] = useState<ReadonlySet<string>>(new Set());
  const isChoosing = order !== undefined && plannedCount > 0;
  const start = useAction(async () => {
    if (!order) return;
    const items = (await allPlanned(id)).filter(({ phone_number }) => !excluded.has(phone_number));
    await startImport(order, { items }, false);
  });
  const [lookedAt, setLookedAt] = useState<{ phone_number: string; agent_id: string | null }>();
  const toggle = (phoneNumber: string) => {
    const next = new Set(excluded);
    if (!next.delete(phoneNumber)) next.add(phoneNumber);
    setExcluded(next);
  };
  const loaded = useLoaded(
    () =>
      api.listPhoneNumberImportResults({
        path: { import_id: id },
        query: { ...(outcome !== "" && { outcome }), limit: SHOWN },
      }),
    [id, outcome, done],
  );
  return (
    <section>
      <div class="title">
        <h2>Numbers</h2>
        <select
          aria-label="Outcome"
          value={outcome}
          onChange={(event) => setOutcome(textOf(event) as Outcome | "")}
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
          <Button
            kind="primary"
            onClick={start.run}
            isBusy={start.isBusy}
            isDisabled={plannedCount === excluded.size}
          >
            Import {count(plannedCount - excluded.size, "number")}
          </Button>
        </>
      )}
      <Content of={loaded}>
        {({ results, count: total }) => (
          <>
            <div class="table">
              <table>
                <caption class="hidden">Numbers of this import</caption>
                <thead>
                  <tr>
                    {isChoosing && <th scope="col">Import</th>}
                    <th scope="col">Number</th>
                    <th scope="col">Outcome</th>
                    <th scope="col">Why, or who answers today</th>
                  </tr>
                </thead>
                <tbody>
                  {results.map((result) => (
                    <tr key={result.phone_number}>
                      {isChoosing && (
                        <td>
                          {result.outcome === "planned" && (
                            <input
                              type="checkbox"
                              aria-label={`Import ${result.phone_number}`}
                              checked={!excluded.has(result.phone_number)}
                              onChange={() => toggle(result.phone_number)}
                            />
                          )}
                        </td>
                      )}
                      <th scope="row">{result.phone_number}</th>
                      <td>
                        {result.outcome === null ? (
                          <span class="quiet">waiting</span>
                        ) : (
                          <Mark tone={TONES[result.outcome]}>{result.outcome.replace("_", " ")}</Mark>
                        )}
                      </td>
                      <td>
                        {result.error?.message}
                        {result.plan && <AnsweredBy who={result.plan.answered_by.voice} />}{" "}
                        {/* Twilio wants a subaccount's own Auth Token, which the page does not have. */}
                        {isChoosing && result.plan && result.twilio_sid === order.twilio_sid && (
                          <button type="button" class="link" onClick={() => setLookedAt(result)}>
                            What changes<span class="hidden"> for {result.phone_number}</span>
                          </button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {total > results.length && (
              <p class="quiet">
                The first {results.length} of {total}; results.csv has all.
              </p>
            )}
          </>
        )}
      </Content>
      {order && lookedAt && (
        <PlanDialog
          body={{
            phone_number: lookedAt.phone_number,
            twilio_sid: order.twilio_sid,
            twilio_token: order.twilio_token,
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
