import { useState } from "preact/hooks";
import { api } from "../api.ts";
import {
  bodyOf,
  CredentialFields,
  type Entered,
  type Kind,
  KindChoice,
  OF_KIND,
  Requests,
  toTwilio,
} from "../credentials.tsx";
import { HEALTH, type Tone } from "../health.ts";
import { may } from "../may.ts";
import { go, href } from "../route.ts";
import { accounts } from "../store.ts";
import { type Column, Table } from "../table.tsx";
import type { TwilioAccount } from "../types.ts";
import {
  Button,
  Content,
  count,
  Dialog,
  Empty,
  Form,
  Mark,
  Pages,
  Problem,
  Refusal,
  Title,
  When,
} from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";

const PAGE = 50;

const STATUS: Record<TwilioAccount["status"], { tone: Tone; means: string }> = {
  connected: { tone: "good", means: "Its numbers are imported without its credentials." },
  connecting: {
    tone: "warn",
    means: "No request that its SharedKey signed has come yet. Calls and texts are refused until one comes.",
  },
  failed: { tone: "bad", means: "Twilio refuses its credentials. Replace them below." },
};

export const nameOfAccount = ({ friendly_name, twilio_sid }: TwilioAccount): string =>
  friendly_name ?? twilio_sid;

const COLUMNS: Column<TwilioAccount>[] = [
  {
    title: "Account",
    cell: (account) => <a href={href("accounts", account.twilio_account_id)}>{nameOfAccount(account)}</a>,
  },
  { title: "Status", cell: ({ status }) => <Mark tone={STATUS[status].tone}>{status}</Mark> },
  { title: "Numbers", cell: ({ numbers }) => numbers.toLocaleString("en") },
  { title: "SID", isWide: true, cell: ({ twilio_sid }) => <code>{twilio_sid}</code> },
  { title: "Since", isWide: true, cell: ({ created_at }) => <When at={created_at} /> },
];

export function Accounts() {
  const [offset, setOffset] = useState(0);
  const loaded = useLoaded(() => api.listTwilioAccounts({ query: { limit: PAGE, offset } }), [offset]);
  return (
    <>
      <Title>Accounts</Title>
      <Content of={loaded}>
        {({ twilio_accounts, count: total, offset: at }) =>
          total === 0 ? (
            <Empty title="No accounts yet">
              <p>
                Connect a Twilio account once. Its credentials stay sealed here, and no import asks for them
                again.
              </p>
            </Empty>
          ) : (
            <>
              <Table
                caption="Twilio accounts, newest first"
                columns={COLUMNS}
                rows={twilio_accounts}
                keyOf={({ twilio_account_id }) => twilio_account_id}
              />
              <Pages of="accounts" offset={at} size={PAGE} total={total} onOffset={setOffset} />
            </>
          )
        }
      </Content>
      {may("all") && (
        <section>
          <h2>Connect an account</h2>
          <ConnectForm onConnected={({ twilio_account_id }) => go("accounts", twilio_account_id)} />
        </section>
      )}
    </>
  );
}

/** Connects an account, or replaces the credentials of one. They are kept in this form only until they are sent. */
export function ConnectForm({
  account,
  onConnected,
}: {
  account?: TwilioAccount;
  onConnected: (account: TwilioAccount) => void;
}) {
  const [kind, setKind] = useState<Kind>(account?.credential ?? "auth_token");
  const [entered, setEntered] = useState<Entered>({});
  const names = OF_KIND[kind].filter((name) => !account || name !== "twilio_sid");
  const connect = useAction(async () => {
    const sid = account && { twilio_sid: account.twilio_sid, region: account.region as "us1" };
    const { twilio_account } = await api.connectTwilioAccount({
      body: { ...bodyOf(names, entered), ...sid },
    });
    setEntered({});
    void accounts.reload();
    onConnected(twilio_account);
  });
  return (
    <Form onSubmit={connect.run} error={connect.error}>
      <KindChoice
        kinds={["auth_token", "api_key"]}
        kind={kind}
        onKind={(chosen) => {
          setKind(chosen);
          setEntered({});
        }}
      />
      <CredentialFields names={names} entered={entered} onEntered={setEntered} />
      <Refusal />
      <Button type="submit" kind="primary" isBusy={connect.isBusy}>
        {connect.isBusy ? "Asking Twilio…" : account ? "Try and save" : "Connect"}
      </Button>
    </Form>
  );
}

export function AccountPage({ id }: { id: string }) {
  const path = { twilio_account_id: id };
  const loaded = useLoaded(async () => (await api.getTwilioAccount({ path })).twilio_account, [id]);
  return (
    <>
      <p class="back">
        <a href={href("accounts")}>Accounts</a>
      </p>
      <Title>{loaded.value ? nameOfAccount(loaded.value) : "Account"}</Title>
      <Content of={loaded}>
        {(account) => (
          <>
            <Facts account={account} />
            {account.status === "connecting" && <Signing account={account} put={loaded.put} />}
            {may("all") && (
              <>
                <section>
                  <h2>New credentials</h2>
                  <p>Twilio is asked first. All numbers of this account use them from then on.</p>
                  <ConnectForm key={account.status} account={account} onConnected={loaded.put} />
                </section>
                <Disconnect account={account} />
              </>
            )}
          </>
        )}
      </Content>
    </>
  );
}

function Facts({ account }: { account: TwilioAccount }) {
  const { status, health, numbers, credential, twilio_sid } = account;
  return (
    <section>
      <p>
        <Mark tone={STATUS[status].tone}>{status}</Mark> {STATUS[status].means}
      </p>
      {health !== "ok" && status === "connected" && <p>{HEALTH[health].means}</p>}
      <dl class="facts">
        <dt>Account SID</dt>
        <dd>
          <code>{twilio_sid}</code>
        </dd>
        <dt>Region</dt>
        <dd>{account.region}</dd>
        <dt>Connected by</dt>
        <dd>{credential === "api_key" ? "an API key; a SharedKey signs" : "its Auth Token"}</dd>
        <dt>Since</dt>
        <dd>
          <When at={account.created_at} />
        </dd>
        <dt>Imported</dt>
        <dd>
          <a href={href("numbers", { account: twilio_sid })}>{count(numbers, "number")}</a>
        </dd>
      </dl>
      {may("all") && (
        <div class="actions">
          <a class="button primary" href={href("start", { account: account.twilio_account_id })}>
            Choose numbers
          </a>
          <a class="button" href={href("import", "many", { account: twilio_sid })}>
            Import them all
          </a>
        </div>
      )}
    </section>
  );
}

/** What is left to do so that Twilio signs by a SharedKey. */
function Signing({ account, put }: { account: TwilioAccount; put: (account: TwilioAccount) => void }) {
  const [entered, setEntered] = useState<Entered>({});
  const { to_do, not_made, twilio_sid, twilio_account_id } = account;
  const asksKey = to_do.some(({ step }) => step === "signing_key");
  const save = useAction(async () => {
    const body = { ...bodyOf(OF_KIND.shared_key, entered), twilio_sid };
    put((await api.connectTwilioAccount({ body })).twilio_account);
  });
  const look = useAction(async () => {
    put((await api.getTwilioAccount({ path: { twilio_account_id } })).twilio_account);
  });
  return (
    <section>
      <h2>Let Twilio sign its calls</h2>
      {to_do.length === 0 ? (
        <p>This deployment makes a SharedKey at Twilio now. That takes about a minute.</p>
      ) : (
        <>
          {not_made && (
            <p>
              The API key may not do it by itself (<code>{not_made.permission ?? not_made.reason}</code>).
            </p>
          )}
          <p>Its owner runs these requests, one after the other:</p>
          <Requests of={toTwilio(to_do)} />
          {asksKey && may("all") && (
            <Form onSubmit={save.run} error={save.error}>
              <CredentialFields names={OF_KIND.shared_key} entered={entered} onEntered={setEntered} />
              <Refusal />
              <Button type="submit" kind="primary" isBusy={save.isBusy}>
                Save the SharedKey
              </Button>
            </Form>
          )}
        </>
      )}
      <Problem error={look.error} />
      <Button onClick={look.run} isBusy={look.isBusy}>
        Look again
      </Button>
    </section>
  );
}

type Gone = Awaited<ReturnType<typeof api.disconnectTwilioAccount>>["twilio_account"];

function Disconnect({ account }: { account: TwilioAccount }) {
  const [isAsking, ask] = useState(false);
  const [gone, setGone] = useState<Gone>();
  const { twilio_account_id, numbers } = account;
  const leave = () => {
    void accounts.reload();
    go("accounts");
  };
  const close = () => (gone ? leave() : ask(false));
  const disconnect = useAction(async () => {
    const { twilio_account } = await api.disconnectTwilioAccount({ path: { twilio_account_id } });
    if (twilio_account.to_do) setGone(twilio_account);
    else leave();
  });
  return (
    <section>
      <h2>Disconnect</h2>
      <p>
        {numbers > 0
          ? `Release its ${count(numbers, "number")} first.`
          : "Deletes its credentials here. Nothing changes at Twilio but what this deployment made there."}
      </p>
      <Button kind="danger" isDisabled={numbers > 0} onClick={() => ask(true)}>
        Disconnect…
      </Button>
      {isAsking && (
        <Dialog title={gone ? "It is disconnected" : `Disconnect ${nameOfAccount(account)}?`} onClose={close}>
          {gone?.to_do ? (
            <>
              <p>Twilio no longer takes the API key, so its owner removes what was made there:</p>
              <Requests of={gone.to_do} />
            </>
          ) : (
            <p>To import its numbers again, somebody has to enter its credentials again.</p>
          )}
          <Problem error={disconnect.error} />
          <div class="actions">
            {!gone && (
              <Button kind="danger" onClick={disconnect.run} isBusy={disconnect.isBusy}>
                Disconnect
              </Button>
            )}
            <Button onClick={close}>{gone ? "Close" : "Cancel"}</Button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
