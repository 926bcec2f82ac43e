import type { Actor } from "../actor.ts";
import type { ErrorBody } from "../http/error-handler.ts";
import type { NumberGiven } from "../phone-numbers/schema.ts";
import type { Credential } from "../twilio/http.ts";
import type { Slot } from "../vault/vault.ts";
import type { Settled } from "./store.ts";

// What the object of a bulk import hands to a lane, and what it gets back.

export const tokenSlot = (importId: string, accountSid: string): Slot =>
  `bulk_imports.auth_token/${importId}/${accountSid}`;

/** A credential as one text, to seal. */
export const packed = (credential: Credential): string =>
  "keySid" in credential ? `${credential.keySid}:${credential.secret}` : credential.authToken;

export function unpacked(text: string): Credential {
  const [, keySid, secret] = /^(SK[a-fA-F0-9]{32}):(.*)$/s.exec(text) ?? [];
  return keySid !== undefined && secret !== undefined ? { keySid, secret } : { authToken: text };
}

/** The sealed credential of an account. */
export type Credentials = { accountSid: string; sealed: string };

type About = { importId: string; apiKeyId: string };

/** Open an account: have its Auth Token, from its parent if need be, and read what is asked for. */
export type OpenOrder = About & {
  kind: "open";
  accountSid: string;
  region: string;
  /** The account's own credentials, or its parent's. */
  credentials: Credentials;
  wantsNumbers: boolean;
  wantsSubaccounts: boolean;
};

/** Import or plan a number. */
export type NumberOrder = About & {
  kind: "number";
  /** The number is imported with the credential of the account that is stored here. */
  isKnown?: boolean;
  credentials: Credentials;
  isDryRun: boolean;
  actor?: Actor | null;
  phoneNumber: string;
  agentId: string | null;
  own: NumberGiven;
  /** When its first attempt began, if this is not the first. */
  triedSince: number | null;
};

export type Opened = {
  kind: "opened";
  sealed: string;
  numbers: string[] | null;
  subaccounts: string[] | null;
};

export type Failed = { kind: "failed"; error: ErrorBody };

export type NumberReport = { kind: "settled"; settled: Settled } | Failed;
export type OpenReport = Opened | Failed;
