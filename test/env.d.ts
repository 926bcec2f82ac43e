declare namespace Cloudflare {
  interface Env {
    /** Test only: how long test/faults goes on after its usual run. */
    SOAK_MINUTES: string;
    /** Test only: how many histories test/outbound/histories.test.ts runs. */
    CALL_HISTORIES: string;
    TALKS: string;
    /** Test only: the migrations, read by vitest.config.ts outside the Worker. */
    MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}

/** A file as text. */
declare module "*?raw" {
  const text: string;
  export default text;
}
