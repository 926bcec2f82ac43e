import { describe, expect, it } from "vitest";
import { haveImported } from "../support/answering.ts";
import { haveModel, modelRequests, streamed } from "../support/model.ts";
import { twilio } from "../support/twilio.ts";

const PROMPT = "Acme Dental is open from nine to five on weekdays. Parking is behind the house.";
const WELCOME = "Hello, Acme Dental.";

const lines = (conversation: { by: string; text: string }[]) =>
  conversation.map(({ by, text }) => `${by}: ${text.trim()}`);

describe("an agent that talks by itself, over ConversationRelay", () => {
  it("greets, answers from its prompt, and says goodbye", async () => {
    haveModel();
    const { phoneNumber } = await haveImported({ system_prompt: PROMPT, welcome_message: WELCOME });
    const { answer, conversation, documents } = await twilio.ring(phoneNumber, {
      say: ["What are your opening hours?", "Where is the parking?", "Goodbye."],
    });
    expect(answer).toBe(WELCOME);
    expect(lines(conversation)).toEqual([
      `agent: ${WELCOME}`,
      "caller: What are your opening hours?",
      "agent: Acme Dental is open from nine to five on weekdays.",
      "caller: Where is the parking?",
      "agent: Parking is behind the house.",
      "caller: Goodbye.",
      "agent: Goodbye.",
    ]);
    expect(documents.at(-1)).toContain("<Response><Hangup/></Response>");
  });

  it("is interrupted, and remembers only what was heard", async () => {
    haveModel((_) => streamed("A long story ", "with many words."));
    const { phoneNumber } = await haveImported({ system_prompt: PROMPT });
    const { conversation } = await twilio.ring(phoneNumber, {
      say: ["Tell me.", { say: "Stop.", interrupts: true }],
    });
    expect(lines(conversation)).toContain("caller: Stop.");
    expect(modelRequests().at(-1)?.messages).toEqual([
      expect.objectContaining({ role: "system" }),
      expect.objectContaining({ role: "user", content: "Tell me." }),
      expect.objectContaining({ role: "assistant" }),
      expect.objectContaining({ role: "user", content: "Stop." }),
    ]);
  });
});
