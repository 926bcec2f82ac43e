import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { recordedDatabase } from "../support/statements.ts";
import { costlySteps, explain } from "./query-plan.ts";

// test/setup.ts holds every statement that any test makes the Worker prepare to this. Here the judge is judged.

const steps = async (sql: string) => costlySteps(sql, await explain(env.DB, sql));

describe("a plan is costly where it", () => {
  it.each([
    ["reads a whole table", "SELECT * FROM phone_numbers WHERE state = ?1"],
    ["reads a whole index", "SELECT COUNT(*) FROM phone_numbers"],
    ["updates every row", "UPDATE phone_numbers SET updated_at = ?1"],
    [
      "reads a whole table for each row",
      "SELECT 1 FROM agents a JOIN phone_numbers n ON n.lease_holder = a.name WHERE a.id = ?1",
    ],
    ["sorts a list", "SELECT id FROM agents WHERE api_key_id = ?1 ORDER BY updated_at DESC LIMIT ?2"],
    ["looks for the first of many", "SELECT 1 FROM agents WHERE name = ?1 LIMIT 1"],
    ["groups a list", "SELECT name FROM agents WHERE api_key_id = ?1 GROUP BY name"],
  ])("%s", async (_, sql) => {
    expect(await steps(sql)).not.toEqual([]);
  });
});

describe("a plan is not costly where it", () => {
  it.each([
    ["touches no table", "SELECT 1"],
    ["finds its row by the primary key", "SELECT * FROM agents WHERE id = ?1"],
    ["finds its rows by an index", "UPDATE agents SET name = ?2 WHERE api_key_id = ?1"],
    ["takes a list in an index's order", "SELECT id FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2"],
    ["inserts what it was given", "INSERT INTO api_keys (id, name, created_at) VALUES (?1, ?2, ?3)"],
    ["takes the first row there is", "SELECT 1 FROM agents LIMIT 1"],
    [
      "sorts within an answer's row",
      "SELECT (SELECT json_group_array(n.id ORDER BY n.lease_holder) FROM phone_numbers n WHERE n.agent_id = a.id) FROM agents a WHERE a.id = ?1",
    ],
    ["reads what it was given", "SELECT value FROM json_each(?1)"],
  ])("%s", async (_, sql) => {
    expect(await steps(sql)).toEqual([]);
  });
});

it("statements are recorded, and stay what they are to D1", async () => {
  const statement = recordedDatabase.prepare("SELECT ?1 AS value");
  expect(await statement.bind(1).first("value")).toBe(1);
  const [result] = await recordedDatabase.batch<{ value: number }>([statement.bind(2)]);
  expect(result?.results).toEqual([{ value: 2 }]);
});
