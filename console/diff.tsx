/** Changes of a number at Twilio: what it holds, and what it would hold. */
export function Diff({ changes }: { changes: readonly { field: string; present: string; new: string }[] }) {
  if (changes.length === 0) return <p>Nothing: the number is already like this.</p>;
  return (
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
  );
}
