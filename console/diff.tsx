import { count } from "./ui.tsx";

export type Change = { field: string; present: string; new: string };

/** Changes of a number at Twilio: what it holds, and what it would hold. Folded: they are for who knows Twilio's fields. */
export function Diff({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return <p>Nothing changes at Twilio: the number is already like this.</p>;
  return (
    <details>
      <summary>What changes at Twilio: {count(changes.length, "field")}</summary>
      <dl class="diff">
        {changes.map(({ field, present, new: next }) => (
          <div key={field}>
            <dt>
              <code>{field}</code>
            </dt>
            <dd class="old">
              <span class="hidden">Before: </span>
              {present === "" ? <span class="quiet">empty</span> : <code>{present}</code>}
            </dd>
            <dd class="new">
              <span class="hidden">After: </span>
              {next === "" ? <span class="quiet">empty</span> : <code>{next}</code>}
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
