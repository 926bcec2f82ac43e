/** How many entries of a list that does not have all of them are counted. */
export const MAX_COUNTED = 10_000;

/** How many entries there are. @param count one more than are counted, or more, if there are more */
export function counted(count: number, isFiltered: boolean): { count: number; count_is_minimum?: true } {
  return isFiltered && count > MAX_COUNTED ? { count: MAX_COUNTED, count_is_minimum: true } : { count };
}
