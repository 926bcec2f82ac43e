import { ApiError } from "./errors.ts";

const MAX_BODY_BYTES = 64 * 1024;

/**
 * The body of a request, up to 64 KiB.
 *
 * @throws ApiError `payload_too_large`, at once where the length is announced
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw new ApiError("payload_too_large");
  const kept = new Uint8Array(MAX_BODY_BYTES);
  let size = 0;
  // What has no announced length is read to its end: breaking off in the middle would break the connection, and some
  // proxies with it. No more of it than the limit is kept.
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length <= MAX_BODY_BYTES) kept.set(chunk, size);
    size += chunk.length;
  }
  if (size > MAX_BODY_BYTES) throw new ApiError("payload_too_large");
  return kept.slice(0, size);
}
