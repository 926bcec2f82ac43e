import { useEffect, useState } from "preact/hooks";
import { AnsweredBy, type Answering } from "../answered-by.tsx";
import { ask, download } from "../api.ts";
import { type Row, rowsOf } from "../csv.ts";
import { go, href } from "../route.ts";
import { agents, numbers } from "../store.ts";
import type { Agent } from "../types.ts";
import { Button, Content, count, Field, Form, Mark, Problem, textOf } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { NoAgent } from "./import.tsx";

const PATH = "/v1/phone-number-imports";
const MISSING =
  "This deployment imports one number at a time. Update it to import a whole account or a CSV file.";

type Outcome = "imported" | "already_yours" | "failed" | "skipped" | "planned";

type Job = {
  import_id: string;
  status: "queued" | "running" | "completed" | "cancelled";
  dry_run?: boolean;
  total: number;
  counts: Partial<Record<Outcome, number>>;
  seconds_left: number | null;
};

type Result = {
  phone_number: string;
  twilio_sid: string | null;
  outcome: Outcome | null;
  error: { code: string; message: string; doc_url?: string } | null;
  external_id: string | null;
  plan: { answered_by: { voice: Answering; sms: Answering } } | null;
};

export function Bulk({ id }: { id: string | undefined }) {
  const agentList = agents.use();
  return (
    <>
      <h1>{id === undefined ? "Import" : "Bulk import"}</h1>
      <nav class="tabs" aria-label="Kinds of import">
        <a class="tab" href={href("import")}>
          One number
        </a>
        <a class="tab" href={href("import", "many")} aria-current="page">
          Many numbers
        </a>
      </nav>
      {id !== undefined ? (
        <Progress id={id} />
      ) : (
        <Content of={agentList}>
          {(list) => (list.length === 0 ? <NoAgent /> : <Start agentList={list} />)}
        </Content>
      )}
    </>
  );
}

function Start({ agentList }: { agentList: Agent[] }) {
  const [sid, setSid] = useState("");
  const [token, setToken] = useState("");
  const [agentId, setAgentId] = useState("");
  const [isAll, setAll] = useState(true);
  const [withSubaccounts, setSubaccounts] = useState(false);
  const [rows, setRows] = useState<Row[]>([]);
  const start = useAction(async (isPlan: boolean) => {
    const { import_id } = await ask<{ import_id: string }>("POST", PATH, {
      body: {
        twilio_sid: sid,
        twilio_token: token,
        agent_id: agentId || agentList[0]?.agent_id,
        include_subaccounts: withSubaccounts,
        dry_run: isPlan,
        ...(isAll ? { all: true } : { items: rows }),
      },
    });
    go("import", import_id);
  });
  const read = async (file: File | undefined) => setRows(file ? rowsOf(await file.text()) : []);
  return (
    <Form onSubmit={() => start.run(true)}>
      <section>
        <h2>Which numbers</h2>
        <label class="choice">
          <input type="radio" name="which" checked={isAll} onChange={() => setAll(true)} />
          Every number of the account
        </label>
        <label class="choice">
          <input type="radio" name="which" checked={!isAll} onChange={() => setAll(false)} />
          The numbers of a CSV file
        </label>
        {!isAll && (
          <Field
            label="CSV file"
            hint={
              <>
                A heading and a line for each number:{" "}
                <code>phone_number,twilio_sid,agent_id,external_id</code>. Only the first is needed. Up to
                5,000 numbers.
              </>
            }
          >
            {(ids) => (
              <input
                {...ids}
                type="file"
                accept=".csv,text/csv,text/plain"
                required
                onChange={(event) => void read(event.currentTarget.files?.[0])}
              />
            )}
          </Field>
        )}
        {!isAll && rows.length > 0 && <p role="status">{count(rows.length, "number")} in the file.</p>}
      </section>
      <section>
        <h2>Whose numbers</h2>
        <Field label="Account SID">
          {(ids) => (
            <input
              {...ids}
              required
              autocomplete="off"
              spellcheck={false}
              placeholder="AC…"
              value={sid}
              onInput={(event) => setSid(textOf(event))}
            />
          )}
        </Field>
        <Field label="Auth Token" hint="Sealed while the import runs, and deleted when it ends.">
          {(ids) => (
            <input
              {...ids}
              required
              type="password"
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(textOf(event))}
            />
          )}
        </Field>
        <label class="choice">
          <input
            type="checkbox"
            checked={withSubaccounts}
            onChange={() => setSubaccounts(!withSubaccounts)}
          />
          Its subaccounts too
        </label>
        <Field label="Agent" hint="Who answers, unless the file names another agent.">
          {(ids) => (
            <select {...ids} value={agentId} onChange={(event) => setAgentId(textOf(event))}>
              {agentList.map(({ agent_id, name }) => (
                <option key={agent_id} value={agent_id}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </section>
      <Problem error={start.error} />
      <div class="actions">
        <Button type="submit" kind="primary" isBusy={start.isBusy}>
          Plan: who answers today?
        </Button>
        <Button onClick={() => start.run(false)} isDisabled={sid === "" || token === ""}>
          Import without a plan
        </Button>
      </div>
      <p class="quiet">A plan changes nothing. It lists every number with who answers it today.</p>
    </Form>
  );
}

const TONES: Record<Outcome, "good" | "warn" | "bad"> = {
  imported: "good",
  already_yours: "good",
  planned: "good",
  skipped: "warn",
  failed: "bad",
};

function Progress({ id }: { id: string }) {
  const path = `${PATH}/${encodeURIComponent(id)}`;
  const job = useLoaded(() => ask<Job>("GET", path), [id]);
  const isRunning = job.value?.status === "queued" || job.value?.status === "running";
  useEffect(() => {
    if (!isRunning) {
      void numbers.reload();
      return;
    }
    const timer = setInterval(job.again, 2_000);
    return () => clearInterval(timer);
  }, [isRunning, job.again]);
  const tell = useAction(async (what: "cancel" | "retry") => {
    await ask("POST", `${path}/${what}`);
    job.again();
  });
  const save = useAction(async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await download(`${path}/results.csv`));
    link.download = `${id}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return (
    <Content of={job} missing={MISSING}>
      {({ status, total, counts, seconds_left }) => {
        const done = Object.entries(counts).reduce(
          (sum, [outcome, amount]) => sum + (outcome in TONES ? amount : 0),
          0,
        );
        return (
          <>
            <section>
              <progress aria-label="Numbers done" max={Math.max(total, 1)} value={done} />
              <p role="status">
                {done.toLocaleString("en")} of {count(total, "number")}: {status}
                {isRunning && seconds_left != null && `, about ${Math.ceil(seconds_left / 60)} min left`}
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
              <Problem error={tell.error ?? save.error} />
              <div class="actions">
                {isRunning && (
                  <Button kind="danger" onClick={() => tell.run("cancel")} isBusy={tell.isBusy}>
                    Cancel
                  </Button>
                )}
                {!isRunning && (counts.failed ?? 0) > 0 && (
                  <Button onClick={() => tell.run("retry")} isBusy={tell.isBusy}>
                    Try the failed again
                  </Button>
                )}
                <Button onClick={save.run} isBusy={save.isBusy}>
                  Save results.csv
                </Button>
                {(counts.planned ?? 0) > 0 && (
                  <a class="button" href={href("import", "many")}>
                    Import them
                  </a>
                )}
              </div>
            </section>
            <Results path={path} done={done} />
          </>
        );
      }}
    </Content>
  );
}

const SHOWN = 100;

function Results({ path, done }: { path: string; done: number }) {
  const [outcome, setOutcome] = useState("");
  const loaded = useLoaded(
    () =>
      ask<{ results: Result[]; count: number }>("GET", `${path}/results`, {
        query: { outcome, limit: SHOWN },
      }),
    [path, outcome, done],
  );
  return (
    <section>
      <div class="title">
        <h2>Numbers</h2>
        <select aria-label="Outcome" value={outcome} onChange={(event) => setOutcome(textOf(event))}>
          <option value="">All</option>
          {Object.keys(TONES).map((name) => (
            <option key={name} value={name}>
              {name.replace("_", " ")}
            </option>
          ))}
        </select>
      </div>
      <Content of={loaded}>
        {({ results, count: total }) => (
          <>
            <div class="table">
              <table>
                <caption class="hidden">Numbers of this import</caption>
                <thead>
                  <tr>
                    <th scope="col">Number</th>
                    <th scope="col">Outcome</th>
                    <th scope="col">Why, or who answers today</th>
                  </tr>
                </thead>
                <tbody>
                  {results.map((result) => (
                    <tr key={result.phone_number}>
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
