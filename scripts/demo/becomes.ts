const PATIENCE_MS = 15_000;

/** Waits until something is so that queues bring about. @returns whether it is */
export async function becomes(isSo: () => boolean): Promise<boolean> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isSo() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  return isSo();
}
