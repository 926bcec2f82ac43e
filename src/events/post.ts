/** A customer's answer, and as much of its body as was asked for. */
export type Answer = { httpStatus: number; type: string; body: Uint8Array };

/**
 * One POST to a customer. Redirects are not followed: nobody has validated their target.
 *
 * @param signed the headers with the signatures
 * @param maxBytes how much of the answer's body is read
 */
export async function postEvent(
  url: string,
  body: string,
  signed: Record<string, string>,
  timeoutMs: number,
  maxBytes = 0,
): Promise<Answer | { error: "timeout" | "network_error" }> {
  const deadline = new AbortController();
  // Ended with the attempt: a timer that goes on keeps an object in memory, and that is paid for.
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "Nixflex-Webhooks/1", ...signed },
      body,
      redirect: "manual",
      signal: deadline.signal,
    });
    const type = response.headers.get("content-type") ?? "";
    return { httpStatus: response.status, type, body: await beginningOf(response, maxBytes) };
  } catch {
    return { error: deadline.signal.aborted ? "timeout" : "network_error" };
  } finally {
    clearTimeout(timer);
  }
}

/** What a body begins with. The rest is not read, however much it is. */
async function beginningOf({ body }: Response, maxBytes: number): Promise<Uint8Array> {
  const kept = new Uint8Array(maxBytes);
  let size = 0;
  if (maxBytes === 0) await body?.cancel().catch(() => undefined);
  // Leaving the loop cancels the rest.
  else
    for await (const chunk of body ?? []) {
      kept.set(chunk.subarray(0, maxBytes - size), size);
      size = Math.min(size + chunk.byteLength, maxBytes);
      if (size === maxBytes) break;
    }
  return kept.subarray(0, size);
}
