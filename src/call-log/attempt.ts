import type { Slot, Vault } from "../vault/vault.ts";
import type { Taken } from "./allowance.ts";

/** A call or a text that is sent at most once, under an id of ours. */
export type Attempt = {
  id: string;
  kind: "call" | "sms";
  /**
   * A random id of this request. If `begin` is repeated with the same id, its first answer was lost; with another id,
   * somebody else began the attempt.
   */
  holder: string;
  /** Of the number that sends it. */
  externalId: string | null;
  /** See {@link sealBrief}. */
  briefSealed: string;
};

/** What is known of an attempt that was begun before. */
export type KnownAttempt = {
  /** Twilio's id, once anybody knows it. */
  sid: string | null;
  state: "placing" | "live" | "ended";
  /** When it was begun, in milliseconds. */
  createdAt: number;
};

export type Begun =
  | { kind: "begun" }
  | { kind: "known"; attempt: KnownAttempt }
  /** The key has this many calls, and may have no more. */
  | { kind: "limit"; live: number }
  | Extract<Taken, { kind: "refused" }>;

/** What an outbound call was placed with. Kept sealed. */
export type CallBrief = {
  from: string;
  to: string;
  prompt: string | null;
  dynamicVars: Record<string, string>;
  welcomeMessage: string | null;
  /** null: as the agent does. */
  aiSpeaksFirst: boolean | null;
  voicemailMessage: string | null;
};

/** A machine has answered; it has heard the whole message. */
export type Voicemail = "detected" | "left";

/** A call as its webhooks find it. */
export type FoundCall = { briefSealed: string; voicemail: Voicemail | null };

/** What became known of an attempt; what is undefined stays as it was. */
export type Note = {
  sid?: string | undefined;
  /** Somebody guessed the SID from Twilio's list. Who knows it for sure takes it from who guessed. */
  isGuess?: boolean;
  state?: "live" | "ended" | undefined;
  voicemail?: Voicemail;
};

const briefSlot = (id: string): Slot => `call_log.brief/${id}`;

export function sealBrief(vault: Vault, id: string, brief: CallBrief): Promise<string> {
  return vault.seal(JSON.stringify(brief), briefSlot(id));
}

/** @throws VaultError */
export async function openBrief(vault: Vault, id: string, sealed: string): Promise<CallBrief> {
  return JSON.parse(await vault.open(sealed, briefSlot(id))) as CallBrief;
}
