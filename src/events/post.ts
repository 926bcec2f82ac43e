/** One POST to a customer. Redirects are not followed: nobody has validated their target. */
export async function postEvent(
  url: string,
  body: string,
  signature: string,
  timeoutMs: number,
): Promise<{ httpStatus: number } | { error: "timeout" | "network_error" }> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "Nixflex-Webhooks/1",
        "x-nixflex-signature": signature,
      },
      body,
      redirect: "manual",
      signal,
    });
    // Only the status of the customer's answer is used.
    await response.body?.cancel().catch(() => undefined);
    return { httpStatus: response.status };
  } catch {
    return { error: signal.aborted ? "timeout" : "network_error" };
  }
}
