/** How many entries are counted of a list with a filter. */
export const MAX_COUNTED = 10_000;

/** How many entries there are. @param count more than {@link MAX_COUNTED} if there are more */
export function counted(count: number, isFiltered: boolean): { count: number; count_is_minimum?: true } {
  return isFiltered && count > MAX_COUNTED ? { count: MAX_COUNTED, count_is_minimum: true } : { count };
}
