import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { Button, Content, count, Dialog, Form, Line, Mark, Problem, Progressing, Refusal } from "../ui.tsx";
import { useAction, useEvery, useLoaded } from "../use.ts";
import { type Outcome, Results, TONES } from "./bulk-results.tsx";

/** How far a bulk import is, and what became of each number. */
export function Progress({ id }: { id: string }) {
  const path = { import_id: id };
  const job = useLoaded(() => api.getPhoneNumberImport({ path }), [id]);
  const isRunning = job.value?.ended_at === null;
  useEvery(2_000, isRunning, job.again);
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
              <Progressing isOver={!isRunning}>
                {[
                  `${done.toLocaleString("en")} of ${count(total, "number")} ${dry_run ? "planned" : "done"}${status === "queued" || status === "cancelled" ? `: ${status}` : ""}`,
                  ...(isRunning && rate_per_minute > 0 ? [`${rate_per_minute} a minute`] : []),
                  ...(isRunning && seconds_left !== null
                    ? [`about ${Math.ceil(seconds_left / 60)} min left`]
                    : []),
                ].join(", ")}
              </Progressing>
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
                  <Button onClick={() => setAsking(true)}>Retry failed numbers…</Button>
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

/** A token that was sent with the import was deleted when it ended; that of a connected account is still here. */
function RetryDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const [token, setToken] = useState("");
  const retry = useAction(async () => {
    const body = token === "" ? {} : { twilio_token: token };
    await api.retryPhoneNumberImport({ path: { import_id: id }, body });
    onClose();
  });
  return (
    <Dialog title="Retry failed numbers" onClose={onClose}>
      <Form onSubmit={retry.run} error={retry.error}>
        <Line
          label="Auth Token"
          name="twilio_token"
          hint="Not needed if the account is connected here."
          type="password"
          value={token}
          onValue={setToken}
        />
        <Refusal />
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
