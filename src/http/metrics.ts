/** What Workers Analytics Engine is told. https://developers.cloudflare.com/analytics/analytics-engine/ */
export type Measure = (name: string, blobs: readonly string[], doubles: readonly number[]) => void;

/** Writes data points where the deployment has the binding, and nothing where it has not. Never waits, never throws. */
export function createMeasure(env: Partial<Pick<Env, "METRICS">>): Measure {
  return (name, blobs, doubles) => {
    try {
      env.METRICS?.writeDataPoint({ indexes: [name], blobs: [...blobs], doubles: [...doubles] });
    } catch {
      // A metric is worth no request.
    }
  };
}
