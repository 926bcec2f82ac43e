/** What ends a command besides an error of the API. The exit codes are documented in docs/command-line.md. */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 2,
  unreachable: 3,
  notSignedIn: 4,
  attention: 5,
  interrupted: 130,
} as const;

export class Failure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const usage = (message: string): Failure => new Failure(EXIT.usage, message);

/** No answer came. Whether the request was carried out is unknown. */
export class Unreachable extends Failure {
  constructor(baseUrl: string, cause: unknown) {
    super(EXIT.unreachable, `${baseUrl} does not answer (${reasonOf(cause)}).`);
  }
}

/** `fetch` says only that it failed; the reason is in its cause. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? String(cause);
}
