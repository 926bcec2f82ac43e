/**
 * One POST to a customer. Redirects are not followed: nobody has validated their target.
 *
 * @param signed the headers with the signatures
 */
export async function postEvent(
  url: string,
  body: string,
  signed: Record<string, string>,
  timeoutMs: number,
): Promise<{ httpStatus: number } | { error: "timeout" | "network_error" }> {
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
    // Only the status of the customer's answer is used.
    await response.body?.cancel().catch(() => undefined);
    return { httpStatus: response.status };
  } catch {
    return { error: deadline.signal.aborted ? "timeout" : "network_error" };
  } finally {
    clearTimeout(timer);
  }
}
