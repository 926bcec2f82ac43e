declare namespace Cloudflare {
  interface Env {
    /** Test only: the migrations, read by vitest.config.ts outside the Worker. */
    MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}
