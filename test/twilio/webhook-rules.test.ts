import { describe, expect, it } from "vitest";
import { coveringRule, type WebhookRule } from "../../src/twilio/webhook-rules.ts";

const ADDRESS = "https://numbers.example.com/webhooks/twilio/twa_1/";
const byDefault: WebhookRule = { id: "d", matchType: "DEFAULT" };
const prefix = (value: string): WebhookRule => ({ id: value, matchType: "PREFIX_MATCH", prefix: value });
const exact = (value: string): WebhookRule => ({ id: value, matchType: "EXACT_MATCH", value });

describe("coveringRule", () => {
  it.each<[string, WebhookRule[], string | undefined]>([
    ["none", [], undefined],
    ["the default", [byDefault], "d"],
    ["a wider prefix", [byDefault, prefix("https://numbers.example.com/")], "https://numbers.example.com/"],
    ["the very address", [prefix(ADDRESS)], ADDRESS],
    ["a narrower prefix", [prefix(`${ADDRESS}num_1/`)], `${ADDRESS}num_1/`],
    ["one URL", [prefix(ADDRESS), exact(`${ADDRESS}num_1/voice`)], `${ADDRESS}num_1/voice`],
    ["another host", [prefix("https://numbers.example.com.evil/"), exact("https://a.example/x")], undefined],
    ["another account", [prefix("https://numbers.example.com/webhooks/twilio/twa_2/")], undefined],
    ["a strange one", [{ id: "s", matchType: "PREFIX_MATCH" }], undefined],
  ])("of %s", (_, rules, id) => {
    expect(coveringRule(rules, ADDRESS, false)?.id).toBe(id);
  });

  it.each<[string, WebhookRule[], string | undefined]>([
    ["the default alone", [byDefault], "d"],
    ["its own", [byDefault, prefix("https://numbers.example.com/"), prefix(ADDRESS)], undefined],
    ["one before its own", [prefix(ADDRESS), prefix(`${ADDRESS}num_1/`)], `${ADDRESS}num_1/`],
    ["one URL before it", [prefix(ADDRESS), exact(`${ADDRESS}num_1/voice`)], `${ADDRESS}num_1/voice`],
  ])("of an account by an API key: %s", (_, rules, id) => {
    expect(coveringRule(rules, ADDRESS, true)?.id).toBe(id);
  });
});
