/** Writes one data point to Workers Analytics Engine. https://developers.cloudflare.com/analytics/analytics-engine/ */
export type Measure = (name: string, blobs: readonly string[], doubles: readonly number[]) => void;

/** Without the binding nothing is written. The measure never waits and never throws. */
export function createMeasure(env: Partial<Pick<Env, "METRICS">>): Measure {
  return (name, blobs, doubles) => {
    try {
      env.METRICS?.writeDataPoint({ indexes: [name], blobs: [...blobs], doubles: [...doubles] });
    } catch {
      // A lost metric must not fail a request.
    }
  };
}
