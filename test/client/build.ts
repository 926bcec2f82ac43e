import { buildClient } from "../../scripts/client/build.ts";

/** The tests of the client run what is shipped. */
export const setup = buildClient;
