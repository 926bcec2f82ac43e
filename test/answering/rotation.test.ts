import { expect, it } from "vitest";
import { haveImported, tell } from "../support/answering.ts";
import { twilio } from "../support/twilio.ts";
import { call, post } from "../support/worker.ts";
import { addNumber, promoteSecondaryToken } from "../twilio-simulator/state.ts";

// Of two tokens that Twilio takes, the one that was sent here last need not be the newer one.

it("a secondary token counts on, though another import brings the present one once more", async () => {
  const imported = await haveImported();
  const { account, key, body, phoneNumber } = imported;
  const secondary = "5".repeat(32);
  account.secondaryAuthToken = secondary;
  const path = `/v1/phone-numbers/${encodeURIComponent(phoneNumber)}`;
  expect((await call("PATCH", path, key, { twilio_token: secondary })).status).toBe(200);

  const other = addNumber(twilio.state, account, { phone_number: "+15005550001" });
  expect(
    (await post("/v1/phone-numbers", { ...body, phone_number: other.phone_number }, { key })).status,
  ).toBe(201);
  const parameters = { CallSid: "CA1", From: "+15005550006", CallStatus: "ringing" };
  expect((await tell(imported, "voice", parameters)).status).toBe(200);

  promoteSecondaryToken(account);
  expect((await tell(imported, "voice", { ...parameters, CallSid: "CA2" })).status).toBe(200);
});
