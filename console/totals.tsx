/** A few counts, each under its title. */
export function Totals({ of }: { of: Readonly<Record<string, number>> }) {
  return (
    <dl class="totals">
      {Object.entries(of).map(([title, amount]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{amount.toLocaleString("en")}</dd>
        </div>
      ))}
    </dl>
  );
}
