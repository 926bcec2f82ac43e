import { ApiError } from "./errors.ts";

/** How large a body may be, and what is said of one that is larger, of which this is the start. */
export type BodyLimit = { maxBytes: number; tooLarge?: (start: Uint8Array) => ApiError };

const USUAL: BodyLimit = { maxBytes: 64 * 1024 };

/**
 * The body of a request, up to 64 KiB unless the endpoint allows more.
 *
 * @throws ApiError `payload_too_large`, at once if Content-Length says so and nothing more is to be said of it;
 *   `invalid_json` if the sender hung up before the end
 */
export async function readBody(
  request: Request,
  { maxBytes, tooLarge }: BodyLimit = USUAL,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (Number(announced) > maxBytes && !tooLarge) throw new ApiError("payload_too_large");
  // In HTTP no body is longer than its Content-Length, and reading it at once is much faster than reading pieces.
  const isAtOnce = announced !== null && Number(announced) <= maxBytes;
  const { start, size } = await (isAtOnce ? readAtOnce(request) : readToTheEnd(request, maxBytes)).catch(
    (cause: unknown) => {
      throw new ApiError("invalid_json", {
        message: "The request body ended too early. Send it again.",
        cause,
      });
    },
  );
  if (size > maxBytes) throw tooLarge?.(start) ?? new ApiError("payload_too_large");
  return start;
}

type Read = { start: Uint8Array<ArrayBuffer>; size: number };

async function readAtOnce(request: Request): Promise<Read> {
  const start = new Uint8Array(await request.arrayBuffer());
  return { start, size: start.length };
}

/**
 * Reads a body to its end: stopping early would break the connection, and some proxies with it. Keeps only as much as the
 * limit allows.
 */
async function readToTheEnd(request: Request, maxBytes: number): Promise<Read> {
  const kept = new Uint8Array(maxBytes);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size < maxBytes) kept.set(chunk.subarray(0, maxBytes - size), size);
    size += chunk.length;
  }
  return { start: kept.slice(0, size), size };
}
