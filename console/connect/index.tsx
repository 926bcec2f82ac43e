import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Client, createClient } from "../../sdk/src/client.ts";
import { Steps } from "../steps.tsx";
import { Button } from "../ui.tsx";
import { useAction, useLoaded } from "../use.ts";
import { Account } from "./account.tsx";
import { Confirm } from "./confirm.tsx";
import { Done } from "./done.tsx";
import { Pick } from "./pick.tsx";
import { Closed, codeOf, Trouble } from "./trouble.tsx";
import { asker, type Link } from "./types.ts";

// The page of a connect link. Its token stands in the fragment, which a browser sends to nobody; nothing is kept in the
// browser, so whoever loads the page again goes on where D1 says that he was.

const STEPS = ["Account", "Number", "Confirm", "Done"] as const;

function Frame({ children }: { children: preact.ComponentChildren }) {
  return (
    <div class="connect">
      <main>{children}</main>
      <footer>
        <p>
          This page belongs to <strong>{location.host}</strong>. It loads nothing from elsewhere, and your
          browser keeps no secret of yours.
        </p>
      </footer>
    </div>
  );
}

/** Where its customer is: what he has chosen himself, else what the link says. */
type Place = { at: "account" | "pick" | "done" } | { at: "confirm"; phoneNumber: string };

const placeOf = (link: Link): Place => {
  if (link.numbers_left === 0) return { at: "done" };
  return { at: link.twilio_account ? "pick" : "account" };
};

const INDEX = { account: 0, pick: 1, confirm: 2, done: 3 } as const;

function Steered({ api, link, put }: { api: Client; link: Link; put: (link: Link) => void }) {
  const [place, go] = useState<Place>(() => (link.phone_numbers.length > 0 ? { at: "done" } : placeOf(link)));
  const reload = useAction(async (next: Place["at"]) => {
    put(await api.seeConnectLink());
    go(next === "confirm" ? { at: "pick" } : { at: next });
  });
  // Who uses no mouse, and who hears the page, is at the head of each step.
  useEffect(() => {
    document.querySelector<HTMLElement>("h1")?.focus();
    scrollTo(0, 0);
  }, [place.at]);
  return (
    <>
      <header>
        <p class="asks">
          <strong>{asker(link)}</strong> asks to connect your Twilio{" "}
          {link.numbers_left > 1 ? "numbers" : "number"}
        </p>
        {link.brand_name !== null && (
          <p class="quiet">The operator of this page knows them as “{link.key_name}”.</p>
        )}
      </header>
      <Steps names={STEPS} at={INDEX[place.at]} />
      {place.at === "account" && <Account api={api} link={link} onConnected={() => reload.run("pick")} />}
      {place.at === "pick" && (
        <Pick
          api={api}
          link={link}
          onPick={(phoneNumber) => go({ at: "confirm", phoneNumber })}
          onOtherAccount={() => go({ at: "account" })}
        />
      )}
      {place.at === "confirm" && (
        <Confirm
          api={api}
          link={link}
          phoneNumber={place.phoneNumber}
          onBack={() => go({ at: "pick" })}
          onDone={(after) => {
            put(after);
            go({ at: "done" });
          }}
        />
      )}
      {place.at === "done" && <Done api={api} link={link} put={put} onAnother={() => go(placeOf(link))} />}
      <Trouble error={reload.error} link={link} />
    </>
  );
}

function Page({ token }: { token: string }) {
  const [api] = useState(() => createClient({ baseUrl: location.origin, token }));
  const { value: link, error, isLoading, again, put } = useLoaded<Link>(() => api.seeConnectLink(), [api]);
  if (link) return <Steered api={api} link={link} put={put} />;
  if (isLoading)
    return (
      <p class="quiet" role="status">
        Loading…
      </p>
    );
  if (codeOf(error) !== undefined) return <Closed error={error} />;
  return (
    <>
      <h1>The page did not load</h1>
      <Trouble error={error} />
      <Button kind="primary" onClick={again}>
        Try again
      </Button>
    </>
  );
}

// Another link is another page.
addEventListener("hashchange", () => location.reload());

const root = document.getElementById("connect");
if (root)
  render(
    <Frame>
      <Page token={location.hash.slice(1)} />
    </Frame>,
    root,
  );
