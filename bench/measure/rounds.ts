/**
 * Measures every system once in each round, and begins each round with another one: what the machine does meanwhile,
 * and what one system leaves behind for the next, falls on all alike.
 *
 * @returns what each system measured, by round
 */
export async function alternate<Name extends string, Measured>(
  rounds: number,
  systems: Record<Name, (round: number) => Promise<Measured>>,
): Promise<Record<Name, Measured[]>> {
  const names = Object.keys(systems) as Name[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as Measured[]])) as Record<
    Name,
    Measured[]
  >;
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as Name;
      measured[name].push(await systems[name](round));
    }
  }
  return measured;
}
