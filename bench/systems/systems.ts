import { postOf, sendExpecting } from "../measure/http.ts";
import { deployable, small } from "./bundles.ts";
import { basic, startTwilio, type TwilioAccount, type TwilioNumber } from "./twilio.ts";
import { compatibilityDate, deployed, module, startWorkerd, text } from "./workerd.ts";

/** Imports a number. @throws Error if it fails */
export type Importer = (account: TwilioAccount, number: TwilioNumber) => Promise<unknown>;

export type Systems = Awaited<ReturnType<typeof startSystems>>;

/** What a fresh isolate can be started with, by name. */
type Bundles = Record<string, { code: string; compatibilityFlags?: string[] }>;

/**
 * Twilio, and what is measured against it: the Worker, with these variables of its own, and the floor.
 *
 * @param around a small Worker that is put around it
 */
export async function startSystems(
  bundles: Bundles = {},
  variables: Record<string, string> = {},
  around: string | null = null,
) {
  const twilio = await startTwilio();
  const { options, secrets } = deployed(twilio.url, variables);
  const shell = await small("isolate-shell");
  const QUEUES = Object.keys(options.queueProducers);
  const LIMITS = Object.keys(options.wrappedBindings);
  const OBJECTS = Object.keys(options.durableObjects);
  const isolates = Object.entries(bundles).map(([name, { code, compatibilityFlags = [] }]) => {
    const modules = { "shell.js": shell, "index.js": code };
    const env = { ...options.bindings, QUEUES, LIMITS, OBJECTS };
    return [name, { compatibilityDate, compatibilityFlags, mainModule: "shell.js", modules, env }];
  });
  const shells = around === null ? [] : [module(`${around}.js`, await small(around))];
  const workerd = await startWorkerd("worker", {
    worker: { ...options, modules: [...shells, module("index.js", deployable().code)] },
    floor: { modules: [module("floor.js", await small("floor"))] },
    isolates: {
      d1Databases: options.d1Databases,
      workerLoaders: { LOADER: {} },
      modules: [
        module("isolate-host.js", await small("isolate-host")),
        text("isolates.txt", JSON.stringify(Object.fromEntries(isolates))),
      ],
    },
  });
  const { importNumber: customer } = await createCustomer(workerd.urls.worker, secrets.ADMIN_TOKEN);
  const account = await twilio.addAccount();
  for (const number of await twilio.addNumbers(account, 1)) await customer(account, number);
  return {
    ...workerd,
    secrets,
    twilio,
    account,
    customer,
    floor: floorOf(workerd.urls.floor, twilio.url, await twilio.lastUpdate()),
    async close() {
      await workerd.miniflare.dispose();
      twilio.close();
    },
  };
}

/** A customer of the service: an API key, and an agent with these settings. Everything goes through the API. */
export async function createCustomer(workerUrl: string, adminToken: string, settings: object = {}) {
  const poster = (bearer: string) => async (status: number, path: string, body: object) => {
    const request = postOf(`${workerUrl}/v1/${path}`, body, { authorization: `Bearer ${bearer}` });
    return JSON.parse(await sendExpecting(status, request));
  };
  const key = await poster(adminToken)(201, "keys", { name: "bench" });
  const bearer = `${key.key_id}:${key.key_secret}`;
  const post = poster(bearer);
  const { agent_id } = await post(201, "agents", {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
    // Of many calls the first waits until the last has begun.
    silence_hangup_seconds: 300,
    ...settings,
  });
  const importNumber: Importer = ({ sid, authToken }, { phone_number }) =>
    post(201, "phone-numbers", { phone_number, twilio_sid: sid, twilio_token: authToken, agent_id });
  return { bearer, agent_id, post, importNumber };
}

/** The two calls to Twilio of an import and nothing else: a look-up, and the update that the Worker itself makes. */
function floorOf(floorUrl: string, twilioUrl: string, parameters: Record<string, string>): Importer {
  const update = new URLSearchParams(parameters).toString();
  return (account, { sid, phone_number }) => {
    const list = `${twilioUrl}/2010-04-01/Accounts/${account.sid}/IncomingPhoneNumbers`;
    const query = new URLSearchParams({ PhoneNumber: phone_number, PageSize: "50" });
    const body = { find: `${list}.json?${query}`, change: `${list}/${sid}.json`, update };
    return sendExpecting(204, postOf(floorUrl, body, { authorization: basic(account) }));
  };
}
