/** What the page of an error says beyond the message that every occurrence carries. */
export type ErrorHelp = {
  /** What happened, and what is true now. */
  happened: string;
  /** What to do, in the order to try it. */
  remedy: readonly string[];
  /** An example of `details`, where there are any. */
  details?: Record<string, unknown>;
};
