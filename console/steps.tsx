/** What comes one after the other, and where somebody is. */
export function Steps({ names, at }: { names: readonly string[]; at: number }) {
  return (
    <ol class="steps" aria-label="Steps">
      {names.map((name, index) => (
        <li key={name} class={index < at ? "past" : ""} aria-current={index === at ? "step" : undefined}>
          {name}
        </li>
      ))}
    </ol>
  );
}
