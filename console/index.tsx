import { type ComponentChildren, Fragment, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, NixflexError, onSignedOut } from "./api.ts";
import { begin, may, type Need } from "./may.ts";
import { AccountPage, Accounts } from "./pages/accounts.tsx";
import { AgentPage, Agents } from "./pages/agents.tsx";
import { Bulk } from "./pages/bulk.tsx";
import { CallPage, Calls } from "./pages/calls.tsx";
import { EventPage } from "./pages/event.tsx";
import { Events } from "./pages/events.tsx";
import { Import } from "./pages/import.tsx";
import { KeyPage } from "./pages/key.tsx";
import { Links } from "./pages/links.tsx";
import { NumberPage } from "./pages/number.tsx";
import { Numbers } from "./pages/numbers.tsx";
import { Overview } from "./pages/overview.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { StartPage } from "./pages/start.tsx";
import { Texts } from "./pages/texts.tsx";
import { href, type Route, useRoute } from "./route.ts";
import type { Session } from "./types.ts";
import { Button, Empty, Problem, ZONE } from "./ui.tsx";

const PAGES: [name: string, title: string, needs: Need][] = [
  ["overview", "Overview", "read"],
  ["numbers", "Numbers", "read"],
  ["import", "Import", "all"],
  ["agents", "Agents", "read"],
  ["calls", "Calls", "read"],
  ["texts", "Texts", "read"],
  ["events", "Events", "read"],
  ["accounts", "Accounts", "read_all"],
  ["links", "Links", "read_all"],
  ["key", "API key", "read"],
];

function pageOf({ parts, query }: Route, session: Session): ComponentChildren {
  const [name = "overview", id] = parts;
  // A page without a tab, as `start`, changes what is the whole key's.
  const needs = PAGES.find(([page]) => page === name)?.[2] ?? "all";
  switch (may(needs) ? name : "") {
    case "overview":
      return <Overview />;
    case "start":
      return <StartPage accountId={query.get("account") ?? ""} />;
    case "numbers":
      return id === undefined ? <Numbers query={query} /> : <NumberPage key={id} phoneNumber={id} />;
    case "import":
      return id === undefined ? (
        <Import />
      ) : (
        <Bulk key={id} id={id === "many" ? undefined : id} sid={query.get("account") ?? ""} />
      );
    case "agents":
      return id === undefined ? <Agents /> : <AgentPage key={id} id={id === "new" ? undefined : id} />;
    case "calls":
      return id === undefined ? <Calls query={query} /> : <CallPage key={id} id={id} />;
    case "texts":
      return <Texts />;
    case "events":
      return id === undefined ? <Events query={query} /> : <EventPage key={id} id={id} />;
    case "accounts":
      return id === undefined ? <Accounts /> : <AccountPage key={id} id={id} />;
    case "links":
      return <Links />;
    case "key":
      return <KeyPage session={session} />;
    default:
      return (
        <Empty title="No such page">
          <p>
            Go to the <a href={href("overview")}>overview</a>.
          </p>
        </Empty>
      );
  }
}

function Shell({ session }: { session: Session }) {
  const route = useRoute();
  const [name = "overview"] = route.parts;
  const main = useRef<HTMLElement>(null);
  const path = route.parts.join("/");
  const isFirst = useRef(true);
  const [turn, setTurn] = useState(0);
  // Whoever cannot see the page change hears its heading.
  useEffect(() => {
    const heading = main.current?.querySelector("h1");
    document.title = `${heading?.textContent ?? "Console"} · Nixflex Numbers`;
    if (!isFirst.current) {
      heading?.setAttribute("tabindex", "-1");
      heading?.focus();
      scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [path]);
  return (
    <div class="shell">
      <header>
        <button type="button" class="skip" onClick={() => main.current?.focus()}>
          Skip to the page
        </button>
        <a class="brand" href="/">
          Nixflex <span>Numbers</span>
        </a>
        <nav aria-label="Console">
          {PAGES.filter(([, , needs]) => may(needs)).map(([page, title]) => (
            <a
              key={page}
              class="tab"
              href={href(page)}
              aria-current={page === name ? "page" : undefined}
              // Whoever is there already sees it anew.
              onClick={() => page === name && route.parts.length < 2 && setTurn(turn + 1)}
            >
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main ref={main} tabIndex={-1}>
        {/* The way back, and a tab's link, may lead to the same page with another query. */}
        <Fragment key={`${turn} ${route.query}`}>{pageOf(route, session)}</Fragment>
        <p class="zone quiet">
          Times are {ZONE}.{ZONE !== "UTC" && " Point at one to see it in UTC."}
        </p>
      </main>
    </div>
  );
}

/** Tells the other tabs of this browser who is signed in now: they share the session. */
const tabs = new BroadcastChannel("nixflex-console");

function App() {
  const [session, set] = useState<Session | null | undefined>();
  const [error, setError] = useState<unknown>();
  const signIn = (begun: Session) => {
    begin(begun);
    set(begun);
  };
  useEffect(() => {
    api.getSession().then(signIn, (thrown: unknown) => {
      if (thrown instanceof NixflexError && thrown.status === 401) set(null);
      else setError(thrown);
    });
  }, []);
  useEffect(() => {
    if (!session) return;
    // Loaded anew, the page has forgotten all that belongs to this key.
    onSignedOut(() => location.reload());
    tabs.onmessage = ({ data }) => data !== session.secret_id && location.reload();
  }, [session]);
  const signedIn = (begun: Session) => {
    tabs.postMessage(begun.secret_id);
    signIn(begun);
  };
  if (error !== undefined) {
    return (
      <main class="sign-in">
        <h1>The console did not load</h1>
        <Problem error={error} />
        <Button kind="primary" onClick={() => location.reload()}>
          Try again
        </Button>
      </main>
    );
  }
  if (session === undefined) {
    return (
      <main class="sign-in">
        <h1>Console</h1>
        <p role="status">Signing in…</p>
      </main>
    );
  }
  return session === null ? <SignIn onSignedIn={signedIn} /> : <Shell session={session} />;
}

const root = document.getElementById("console");
if (root) render(<App />, root);
