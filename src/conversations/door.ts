import type { Vault } from "../vault/vault.ts";
import type { Conversation } from "./call.ts";

/** The object of a call. Its name tells nothing to who has not the key. */
export async function conversationOf(
  { conversations, vault }: { conversations: DurableObjectNamespace<Conversation>; vault: Vault },
  phoneNumberId: string,
  callSid: string,
): Promise<DurableObjectStub<Conversation>> {
  return conversations.getByName(await vault.fingerprint(`conversation/${phoneNumberId}/${callSid}`));
}
