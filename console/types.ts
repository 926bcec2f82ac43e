import type { components } from "../sdk/src/generated/openapi.ts";

export type PhoneNumber = components["schemas"]["PhoneNumber"];
export type Agent = components["schemas"]["Agent"];
export type ImportPlan = components["schemas"]["ImportPlan"];
export type Call = components["schemas"]["Call"];
export type Usage = components["schemas"]["Usage"];
export type BulkImport = components["schemas"]["PhoneNumberImport"];
export type Health = PhoneNumber["health"];

/** Who is signed in. */
export type Session = { key_id: string; expires_at: string | null };

/** An agent as a form holds it: texts, and what of an object a form shows. */
export type Draft = {
  name: string;
  welcome_message: string;
  system_prompt: string;
  language: string;
  connect: "builtin" | "conversation_relay" | "stream" | "redirect" | "dial";
  target: string;
  fallback: string;
  webhook_url: string;
  is_active: boolean;
  record: boolean;
  sms_reply: boolean;
};
