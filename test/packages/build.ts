import { buildClient } from "../../scripts/client/build.ts";
import { buildPython } from "../../scripts/client/build-python.ts";

/** The tests of the packages try what would be published. */
export function setup(): void {
  buildClient();
  buildPython();
}
