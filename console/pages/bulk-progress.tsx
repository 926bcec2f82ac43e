import { useEffect, useState } from "preact/hooks";
import { AnsweredBy } from "../answered-by.tsx";
import { api } from "../api.ts";
import { numbers } from "../store.ts";
import type { BulkImport } from "../types.ts";
import { Button, Content, count, Dialog, Form, Mark, Problem, textOf } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { type Items, orderOf, startImport, TokenField } from "./bulk-job.tsx";

type Outcome = Exclude<keyof BulkImport["counts"], "waiting">;

const TONES: Record<Outcome, "good" | "warn" | "bad"> = {
  imported: "good",
  already_yours: "good",
  planned: "good",
  skipped: "warn",
  failed: "bad",
};

/** How far a bulk import is, and what became of each number. */
export function Progress({ id }: { id: string }) {
  const path = { import_id: id };
  const job = useLoaded(() => api.getPhoneNumberImport({ path }), [id]);
  const isRunning = job.value?.ended_at === null;
  useEffect(() => {
    if (!isRunning) {
      void numbers.reload();
      return;
    }
    const timer = setInterval(job.again, 2_000);
    return () => clearInterval(timer);
  }, [isRunning, job.again]);
  const [isAsking, setAsking] = useState(false);
  const cancel = useAction(async () => {
    await api.cancelPhoneNumberImport({ path });
    job.again();
  });
  const save = useAction(async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await api.downloadPhoneNumberImportResults({ path }));
    link.download = `${id}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return (
    <Content of={job}>
      {({ status, dry_run, total, counts, rate_per_minute, seconds_left, account_errors }) => {
        const done = total - counts.waiting;
        return (
          <>
            <section>
              <progress aria-label="Numbers done" max={Math.max(total, 1)} value={done} />
              <p role="status">
                {done.toLocaleString("en")} of {count(total, "number")} {dry_run ? "planned" : "done"}:{" "}
                {status}
                {isRunning && rate_per_minute > 0 && `, ${rate_per_minute} a minute`}
                {isRunning && seconds_left !== null && `, about ${Math.ceil(seconds_left / 60)} min left`}
              </p>
              <ul class="legend">
                {(Object.keys(TONES) as Outcome[])
                  .filter((outcome) => counts[outcome])
                  .map((outcome) => (
                    <li key={outcome}>
                      <Mark tone={TONES[outcome]}>
                        {outcome.replace("_", " ")} <b>{counts[outcome]}</b>
                      </Mark>
                    </li>
                  ))}
              </ul>
              {account_errors.length > 0 && (
                <ul class="failures">
                  {account_errors.map(({ twilio_sid, error }) => (
                    <li key={twilio_sid}>
                      <code>{twilio_sid}</code>: {error.message}
                    </li>
                  ))}
                </ul>
              )}
              <Problem error={cancel.error ?? save.error} />
              <div class="actions">
                {isRunning && (
                  <Button kind="danger" onClick={cancel.run} isBusy={cancel.isBusy}>
                    Cancel
                  </Button>
                )}
                {!isRunning && counts.failed > 0 && (
                  <Button onClick={() => setAsking(true)}>Try the failed again…</Button>
                )}
                <Button onClick={save.run} isBusy={save.isBusy}>
                  Save results.csv
                </Button>
              </div>
            </section>
            <Results id={id} done={done} plannedCount={isRunning ? 0 : counts.planned} />
            {isAsking && (
              <RetryDialog
                id={id}
                onClose={() => {
                  setAsking(false);
                  job.again();
                }}
              />
            )}
          </>
        );
      }}
    </Content>
  );
}

/** The credentials were deleted when the import ended, so another run needs them again. */
function RetryDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [token, setToken] = useState("");
  const retry = useAction(async () => {
    await api.retryPhoneNumberImport({ path: { import_id: id }, body: { twilio_token: token } });
    onClose();
  });
  return (
    <Dialog title="Try the failed again" onClose={onClose}>
      <Form onSubmit={retry.run}>
        <TokenField token={token} onToken={setToken} />
        <Problem error={retry.error} />
        <div class="actions">
          <Button type="submit" kind="primary" isBusy={retry.isBusy}>
            Try again
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </Form>
    </Dialog>
  );
}

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

function Results({ id, done, plannedCount }: { id: string; done: number; plannedCount: number }) {
  const order = orderOf(id);
  const [outcome, setOutcome] = useState<Outcome | "">("");
  const [excluded, setExcluded] = useState<ReadonlySet<string>>(new Set());
  const isChoosing = order !== undefined && plannedCount > 0;
  const start = useAction(async () => {
    if (!order) return;
    const items = (await allPlanned(id)).filter(({ phone_number }) => !excluded.has(phone_number));
    await startImport(order, { items }, false);
  });
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
                        {result.plan && <AnsweredBy who={result.plan.answered_by.voice} />}
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
    </section>
  );
}
