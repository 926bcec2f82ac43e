import { api } from "../api.ts";
import type { Tone } from "../health.ts";
import { href } from "../route.ts";
import type { PhoneNumber } from "../types.ts";
import { Content, Mark, When } from "../ui.tsx";
import { useLoaded } from "../use.ts";
import { nameOfActor } from "./event.tsx";

/** Those that say more than their type does. */
const EVENTS: Record<string, { title: string; tone: Tone }> = {
  "number.changed": { title: "Settings changed", tone: "good" },
  "number.repaired": { title: "Repaired: Twilio sends its calls and texts here again", tone: "good" },
  "number.drifted": { title: "Found changed at Twilio", tone: "bad" },
  "number.missing": { title: "Gone from the Twilio account", tone: "bad" },
};

/** The words of a type: of `number.changed`, "Changed". */
function wordsOf(type: string): string {
  const words = type.replace(/^number\./, "").replaceAll(/[._]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

type Moment = { at: string; title: string; tone: Tone; event?: string; by?: string };

/** What is known without events, which are kept only if somebody receives them. */
function factsOf(number: PhoneNumber): Moment[] {
  const fact = (at: string | null, title: string): Moment[] => (at ? [{ at, title, tone: "good" }] : []);
  return [
    ...fact(number.checked_at, "Last checked"),
    ...fact(number.last_inbound_at, "Last call or text"),
    ...fact(number.first_inbound_at, "First call or text"),
    ...fact(number.created_at, "Imported"),
  ];
}

/** What happened to the number, newest first. */
export function Timeline({ number }: { number: PhoneNumber }) {
  const loaded = useLoaded(
    () => api.listPhoneNumberEvents({ path: { number: number.phone_number }, query: { limit: 25 } }),
    [number.phone_number, number.checked_at],
  );
  return (
    <section>
      <h2>What happened</h2>
      <Content of={loaded}>
        {({ deliveries }) => {
          const events = deliveries
            .filter(({ event }) => event !== "number.imported")
            .map(
              ({ id, event, created_at, actor }): Moment => ({
                at: created_at,
                event: id,
                ...(actor && { by: nameOfActor(actor) }),
                ...(EVENTS[event] ?? { title: wordsOf(event), tone: "good" }),
              }),
            );
          return (
            <ol class="timeline">
              {[...events, ...factsOf(number)]
                .sort((one, other) => other.at.localeCompare(one.at))
                .map(({ at, title, tone, event, by }) => (
                  <li key={event ?? title}>
                    <Mark tone={tone}>
                      {event === undefined ? title : <a href={href("events", event)}>{title}</a>}
                    </Mark>{" "}
                    <span class="quiet">
                      {by !== undefined && `by ${by}, `}
                      <When at={at} />
                    </span>
                  </li>
                ))}
            </ol>
          );
        }}
      </Content>
      <p class="quiet">
        Changes and repairs are kept for 30 days if the agent has a <code>webhook_url</code>.
      </p>
    </section>
  );
}
