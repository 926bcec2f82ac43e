import { describe, expect, it } from "vitest";
import {
  type AccountReason,
  isDisproved,
  type Learnt,
  reasonsAfter,
} from "../../src/twilio-accounts/health.ts";

describe("what is wrong with an account", () => {
  it.each<[AccountReason[], Learnt, AccountReason[]]>([
    [[], "accepted", []],
    [["credentials_rejected", "unreachable"], "accepted", []],
    [["credentials_rejected"], "unreachable", ["credentials_rejected", "unreachable"]],
    [["unreachable"], "credentials_rejected", ["credentials_rejected"]],
    [["signatures_refused", "unreachable"], "accepted", ["signatures_refused"]],
    [["signed_by_other_key"], "accepted", ["signed_by_other_key"]],
    [["credentials_rejected", "signatures_refused"], "signature_verified", ["credentials_rejected"]],
    [["signatures_unproven", "signatures_refused"], "signature_verified", ["signatures_unproven"]],
    [["signatures_unproven", "signatures_refused"], "signing_key_proven", []],
    [["signatures_refused"], "signed_by_other_key", ["signed_by_other_key", "signatures_refused"]],
    [["unreachable"], "signatures_refused", ["signatures_refused", "unreachable"]],
  ])("%j, then %s", (before, learnt, after) => {
    expect(reasonsAfter(before, learnt)).toEqual(after);
  });

  it("is refused as long as a reason says so", () => {
    const reasons = [
      "[]",
      '["unreachable"]',
      '["unreachable","signed_by_other_key"]',
      '["signatures_unproven"]',
    ];
    const disproved = (learnt: Learnt) => reasons.map((json) => isDisproved(json, learnt));
    expect(disproved("signature_verified")).toEqual([false, false, true, false]);
    expect(disproved("signing_key_proven")).toEqual([false, false, true, true]);
  });
});
