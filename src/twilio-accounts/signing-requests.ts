import { accountAddress } from "../twilio/webhook-urls.ts";
import { BODIES, type Kind } from "../twilio/webhooks-api.ts";
import type { Made } from "./signing-store.ts";
import type { OwnAccount } from "./store.ts";

const API = "https://webhooks.twilio.com/v1/Webhooks";

/** What only the account's owner knows. */
const KEY = "SHARED_KEY_ID";

/**
 * What the owner of an account asks of Twilio, and at last of this service, so that a SharedKey of his signs the webhooks of
 * this account here, and of nothing else. https://www.twilio.com/docs/usage/webhooks/webhook-shared-keys
 */
export function signingRequests({ id, account_sid, has_signing_key }: OwnAccount, publicBaseUrl: string) {
  const friendlyName = `Nixflex Numbers ${id}`;
  const ask = (step: string, url: string, options: string, body: object | undefined) => ({
    step,
    request: `curl ${url} ${options} -H "Content-Type: application/json" -d '${JSON.stringify(body)}'`,
  });
  const askTwilio = (step: string, kind: Kind, [body]: object[]) =>
    ask(step, `${API}/${kind}`, "-u API_KEY_SID:API_KEY_SECRET", body);
  const toTwilio = [
    askTwilio("shared_key", "SharedKeys", BODIES.SharedKeys(friendlyName)),
    askTwilio("setting", "Settings", BODIES.Settings(friendlyName, KEY)),
    askTwilio("rule", "Rules", BODIES.Rules(friendlyName, accountAddress(publicBaseUrl, id), "SETTING_ID")),
  ];
  if (has_signing_key === 1) return toTwilio;
  const sent = { twilio_sid: account_sid, webhook_signing_key_id: KEY, webhook_signing_key: "SECRET" };
  const options = '-H "Authorization: Bearer KEY_SECRET"';
  return [...toTwilio, ask("signing_key", `${publicBaseUrl}/v1/twilio-accounts`, options, sent)];
}

/** What is left at Twilio of what this service made, and how its owner removes it: the Rule first, and the others a minute later. */
export function notRemoved(made: Made | null) {
  const kinds = { rule: "Rules", setting: "Settings", shared_key: "SharedKeys" } as const;
  const ids = { rule: made?.rule, setting: made?.setting, shared_key: made?.key };
  const left = Object.entries(ids).flatMap(([kind, id]) => (id === undefined ? [] : { kind, id }));
  if (left.length === 0) return {};
  const request = (path: string) => `curl -X DELETE ${API}/${path} -u API_KEY_SID:API_KEY_SECRET`;
  return {
    not_removed: left.map(({ kind }) => kind),
    to_do: left.map(({ kind, id }) => ({
      step: kind,
      request: request(`${kinds[kind as keyof typeof kinds]}/${id}`),
    })),
  };
}
