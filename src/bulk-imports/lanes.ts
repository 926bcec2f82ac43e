// Eight worker objects of the same class carry out the imports, because one invocation may hold only six connections; a
// request that waits for one would be taken for one that Twilio does not answer.
// https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections

const LANES = 8;
/** An import asks Twilio for two things at once. */
const IMPORTS_PER_LANE = 3;
/** A plan asks for up to four. */
const PLANS_PER_LANE = 1;

export type Lanes<Stub> = {
  hasRoom: () => boolean;
  /** Does the work in the lane that has the least to do. */
  use: <Result>(work: (stub: Stub) => Promise<Result>) => Promise<Result>;
};

/** @param stubOf the object of a lane */
export function createLanes<Stub>(isDryRun: boolean, stubOf: (lane: number) => Stub): Lanes<Stub> {
  const busy = Array.from({ length: LANES }, () => 0);
  const room = LANES * (isDryRun ? PLANS_PER_LANE : IMPORTS_PER_LANE);
  return {
    hasRoom: () => busy.reduce((sum, count) => sum + count, 0) < room,
    async use(work) {
      const lane = busy.indexOf(Math.min(...busy));
      busy[lane] = (busy[lane] ?? 0) + 1;
      try {
        return await work(stubOf(lane));
      } finally {
        busy[lane] = (busy[lane] ?? 1) - 1;
      }
    },
  };
}
