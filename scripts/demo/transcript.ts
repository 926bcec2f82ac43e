import { strict as assert } from "node:assert";

// What the demo prints: numbered scenes, what was said and shown in them, and claims that are checked.

let scenes = 0;
let checks = 0;

export function scene(title: string): void {
  scenes += 1;
  console.log(`\n\x1b[1m${scenes}. ${title}\x1b[0m`);
}

export function say(text: string): void {
  console.log(text.replace(/^/gm, "   "));
}

export function show(value: unknown): void {
  say(JSON.stringify(value, shortened, 2));
}

// A sealed value is long and says nothing.
function shortened(_: string, value: unknown): unknown {
  return typeof value === "string" && value.startsWith("v1.") ? `${value.slice(0, 60)}…` : value;
}

/** @throws AssertionError if the claim does not hold */
export function check(claim: string, holds: boolean): void {
  assert.ok(holds, `does not hold: ${claim}`);
  checks += 1;
  say(`✓ ${claim}`);
}

export function sum(): void {
  console.log(`\n\x1b[32mAll ${checks} checks hold.\x1b[0m`);
}
