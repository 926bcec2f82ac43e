import { useEffect, useState } from "preact/hooks";
import type { AvailableNumber } from "./types.ts";
import { useAction } from "./use.ts";

type Query = { limit: number; after?: string };
type Page = { available_numbers: AvailableNumber[]; next: string | null };

/** The numbers of a Twilio account: the first page at once, one more by `run(next)`, and the first one anew by `run()`. */
export function useNumberPages(load: (query: Query) => Promise<Page>) {
  const [numbers, setNumbers] = useState<AvailableNumber[]>();
  const [next, setNext] = useState<string | null>(null);
  const loading = useAction(async (after?: string) => {
    const page = await load({ limit: 100, ...(after !== undefined && { after }) });
    setNumbers([...(after === undefined ? [] : (numbers ?? [])), ...page.available_numbers]);
    setNext(page.next);
  });
  useEffect(() => loading.run(), []);
  return { numbers, next, ...loading };
}
