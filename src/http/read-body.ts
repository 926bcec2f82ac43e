import { ApiError } from "./errors.ts";

const MAX_BODY_BYTES = 64 * 1024;

/**
 * The body of a request, up to 64 KiB unless the endpoint allows more.
 *
 * @throws ApiError `payload_too_large`, at once if Content-Length says so; `invalid_json` if the sender hung up before
 *   the end
 */
export async function readBody(
  request: Request,
  maxBytes = MAX_BODY_BYTES,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (Number(announced) > maxBytes) throw new ApiError("payload_too_large");
  // In HTTP no body is longer than its Content-Length, and reading it at once is much faster than reading pieces.
  const body = await (announced === null ? readToTheEnd(request, maxBytes) : readAtOnce(request)).catch(
    (cause: unknown) => {
      throw new ApiError("invalid_json", {
        message: "The request body ended too early. Send it again.",
        cause,
      });
    },
  );
  if (!body || body.length > maxBytes) throw new ApiError("payload_too_large");
  return body;
}

async function readAtOnce(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await request.arrayBuffer());
}

/**
 * Reads a body without Content-Length to its end: stopping early would break the connection, and some proxies with it.
 * Keeps only as much as the limit allows.
 *
 * @returns undefined if the body is longer than the limit
 */
async function readToTheEnd(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const kept = new Uint8Array(maxBytes);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length <= maxBytes) kept.set(chunk, size);
    size += chunk.length;
  }
  return size > maxBytes ? undefined : kept.slice(0, size);
}
