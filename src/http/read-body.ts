import { ApiError } from "./errors.ts";

const MAX_BODY_BYTES = 64 * 1024;

/**
 * The body of a request, up to 64 KiB.
 *
 * @throws ApiError `payload_too_large`, at once where the length is announced; `invalid_json` where its sender hung up in
 *   the middle of it
 */
export async function readBody(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  if (Number(announced) > MAX_BODY_BYTES) throw new ApiError("payload_too_large");
  // HTTP lets no body be longer than it was announced, and read at once it costs a fraction of what pieces cost.
  const body = await (announced === null ? readToTheEnd(request) : readAtOnce(request)).catch(
    (cause: unknown) => {
      throw new ApiError("invalid_json", { message: "The request body broke off before its end.", cause });
    },
  );
  if (!body || body.length > MAX_BODY_BYTES) throw new ApiError("payload_too_large");
  return body;
}

async function readAtOnce(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await request.arrayBuffer());
}

/**
 * What has no announced length is read to its end: breaking off in the middle would break the connection, and some
 * proxies with it. No more of it than the limit is kept; undefined where it is longer.
 */
async function readToTheEnd(request: Request): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const kept = new Uint8Array(MAX_BODY_BYTES);
  let size = 0;
  for await (const chunk of request.body ?? []) {
    if (size + chunk.length <= MAX_BODY_BYTES) kept.set(chunk, size);
    size += chunk.length;
  }
  return size > MAX_BODY_BYTES ? undefined : kept.slice(0, size);
}
