/** What the page of an error says in addition to the message in the answer. */
export type ErrorHelp = {
  /** What happened, and what was changed. */
  happened: string;
  /** What to do. The first step comes first. */
  remedy: readonly string[];
  /** An example of `details`, if this error has any. */
  details?: Record<string, unknown>;
};
