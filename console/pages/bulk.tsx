import { useState } from "preact/hooks";
import type { NumberToImport } from "../../sdk/cli/numbers-csv.ts";
import { AccountField, accountOf, NO_ACCOUNT } from "../account-field.tsx";
import { AgentField } from "../agent-field.tsx";
import { api } from "../api.ts";
import { href } from "../route.ts";
import type { Agent } from "../types.ts";
import { Button, Content, count, Field, Form, Refusal, When } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { startImport } from "./bulk-job.tsx";
import { Progress } from "./bulk-progress.tsx";
import { ImportTabs } from "./import.tsx";
import { onlyOf, WithAgents } from "./no-agent.tsx";

type Csv = typeof import("../../sdk/cli/numbers-csv.ts");

/** Where that is, which is asked for with the first file: scripts/documentation/console.ts puts it here. */
declare const NUMBERS_CSV: string;

export function Bulk({ id, sid }: { id: string | undefined; sid: string }) {
  return (
    <>
      <ImportTabs isMany />
      {id !== undefined ? (
        <Progress id={id} />
      ) : (
        <WithAgents>
          {(list) => (
            <>
              <Start agentList={list} sid={sid} />
              <Recent />
            </>
          )}
        </WithAgents>
      )}
    </>
  );
}

function Start({ agentList, sid }: { agentList: Agent[]; sid: string }) {
  const [account, setAccount] = useState({ ...NO_ACCOUNT, twilio_sid: sid });
  const [agentId, setAgentId] = useState("");
  const [isAll, setAll] = useState(true);
  const [withSubaccounts, setSubaccounts] = useState(false);
  const [rows, setRows] = useState<NumberToImport[]>([]);
  const chosen = agentId || onlyOf(agentList);
  const start = useAction((isPlan: boolean) =>
    startImport(
      {
        ...accountOf(account),
        ...(chosen !== "" && { agent_id: chosen }),
        include_subaccounts: withSubaccounts,
      },
      isAll ? { all: true } : { items: rows },
      isPlan,
    ),
  );
  const [complaint, setComplaint] = useState("");
  const read = async (file: File | undefined) => {
    setRows([]);
    setComplaint("");
    if (!file) return;
    const csv = await (import(NUMBERS_CSV) as Promise<Csv>).catch(() => undefined);
    if (!csv) return setComplaint("The deployment did not answer. Choose the file again.");
    try {
      setRows(csv.numbersOf(new Uint8Array(await file.arrayBuffer())));
    } catch (error) {
      if (!(error instanceof csv.NumbersCsvError)) throw error;
      setComplaint(`${file.name} ${error.message}`);
    }
  };
  return (
    <Form onSubmit={() => start.run(true)} error={start.error}>
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
                <code>phone_number,agent_id,external_id,label,dynamic_vars.hours</code> and what else is a
                number's own. Only the first is needed. Up to 5,000 numbers.
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
        {!isAll && complaint !== "" && (
          <p class="problem" role="alert">
            {complaint}
          </p>
        )}
        {!isAll && rows.length > 0 && <p role="status">{count(rows.length, "number")} in the file.</p>}
      </section>
      <section>
        <h2>Whose numbers</h2>
        <AccountField account={account} onAccount={setAccount} />
        <label class="choice">
          <input
            type="checkbox"
            checked={withSubaccounts}
            onChange={() => setSubaccounts(!withSubaccounts)}
          />
          Include subaccounts
        </label>
        <AgentField
          none={isAll ? "Choose an agent…" : "Only those that the file names"}
          isRequired={isAll}
          hint="Who answers, unless the file names another agent."
          agentList={agentList}
          agentId={chosen}
          onChoice={setAgentId}
        />
      </section>
      <Refusal />
      <div class="actions">
        <Button type="submit" kind="primary" isBusy={start.isBusy} isDisabled={!isAll && rows.length === 0}>
          Show the plan
        </Button>
        <Button
          onClick={() => start.run(false)}
          isDisabled={account.twilio_sid === "" || (isAll && chosen === "") || (!isAll && rows.length === 0)}
        >
          Import without a plan
        </Button>
      </div>
      <p class="quiet">A plan changes nothing. It lists every number with who answers it today.</p>
    </Form>
  );
}

/** The imports of the last days. */
function Recent() {
  const loaded = useLoaded(() => api.listPhoneNumberImports(), []);
  if (loaded.value?.phone_number_imports.length === 0) return null;
  return (
    <section>
      <h2>Recent imports</h2>
      <Content of={loaded}>
        {({ phone_number_imports: jobs }) => (
          <ul>
            {jobs.map(({ import_id, dry_run, total, status, created_at }) => (
              <li key={import_id}>
                <a href={href("import", import_id)}>
                  {dry_run ? "Plan" : "Import"} of {count(total, "number")}
                </a>{" "}
                <span class="quiet">
                  {status}, <When at={created_at} />
                </span>
              </li>
            ))}
          </ul>
        )}
      </Content>
    </section>
  );
}
