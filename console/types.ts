import type { components } from "../sdk/src/generated/openapi.ts";

export type PhoneNumber = components["schemas"]["PhoneNumber"];
export type Agent = components["schemas"]["Agent"];
export type ImportPlan = components["schemas"]["ImportPlan"];
export type Call = components["schemas"]["Call"];
export type Usage = components["schemas"]["Usage"];
export type BulkImport = components["schemas"]["PhoneNumberImport"];
export type Health = PhoneNumber["health"];

export type TwilioAccount = components["schemas"]["TwilioAccount"];
export type AvailableNumber = components["schemas"]["AvailableNumber"];
export type ConnectLink = components["schemas"]["ConnectLink"];

/** Who is signed in, and what the secret may. */
export type Session = Pick<
  components["schemas"]["KeySecret"],
  "secret_id" | "name" | "scope" | "external_id"
> & {
  key_id: string;
  expires_at: string | null;
};

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
