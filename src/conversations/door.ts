import type { Vault } from "../vault/vault.ts";
import type { Conversation } from "./conversation.ts";

/** The object of a call. The name is keyed, so it reveals neither the number nor the call. */
export async function conversationOf(
  { conversations, vault }: { conversations: DurableObjectNamespace<Conversation>; vault: Vault },
  phoneNumberId: string,
  callSid: string,
): Promise<DurableObjectStub<Conversation>> {
  return conversations.getByName(await vault.fingerprint(`conversation/${phoneNumberId}/${callSid}`));
}
