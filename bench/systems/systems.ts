import { fork } from "node:child_process";
import { postOf, sendExpecting } from "../measure/http.ts";
import { deployable, small } from "./bundles.ts";
import { scratch } from "./scratch.ts";
import { basic, firstMessage, startTwilio, type TwilioAccount, type TwilioNumber } from "./twilio.ts";
import { compatibilityDate, deployed, module, PUBLIC_BASE_URL, startWorkerd, text } from "./workerd.ts";

/** Imports a number. @throws Error if it fails */
export type Importer = (account: TwilioAccount, number: TwilioNumber) => Promise<unknown>;

export type Systems = Awaited<ReturnType<typeof startSystems>>;

/** What a fresh isolate can be started with, by name. */
type Bundles = Record<string, { code: string; compatibilityFlags?: string[] }>;

/** Twilio, and what is measured against it: the Worker, with these variables of its own, the floor and the peer. */
export async function startSystems(bundles: Bundles = {}, variables: Record<string, string> = {}) {
  const twilio = await startTwilio();
  const { options, secrets } = deployed(twilio.url, { variables });
  const shell = await small("isolate-shell");
  const QUEUES = Object.keys(options.queueProducers);
  const LIMITS = Object.keys(options.ratelimits);
  const OBJECTS = Object.keys(options.durableObjects);
  const isolates = Object.entries(bundles).map(([name, { code, compatibilityFlags = [] }]) => {
    const modules = { "shell.js": shell, "index.js": code };
    const env = { ...options.bindings, QUEUES, LIMITS, OBJECTS };
    return [name, { compatibilityDate, compatibilityFlags, mainModule: "shell.js", modules, env }];
  });
  const workerd = await startWorkerd("worker", {
    worker: { ...options, modules: [module("index.js", deployable("src/index.ts").code)] },
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
  const peer = await startPeer(twilio.url);
  const customer = await createCustomer(workerd.urls.worker, secrets.ADMIN_TOKEN);
  const account = await twilio.addAccount();
  for (const number of await twilio.addNumbers(account, 1)) await customer(account, number);
  return {
    ...workerd,
    secrets,
    twilio,
    account,
    customer,
    floor: floorOf(workerd.urls.floor, twilio.url, await twilio.lastUpdate()),
    peer,
    async close() {
      peer.close();
      await workerd.miniflare.dispose();
      twilio.close();
    },
  };
}

/** A customer of the service, with an API key and an agent. Everything goes through the API, as customers do it. */
export async function createCustomer(workerUrl: string, adminToken: string): Promise<Importer> {
  const post = async (path: string, bearer: string, body: unknown) => {
    const request = postOf(`${workerUrl}/v1/${path}`, body, { authorization: `Bearer ${bearer}` });
    return JSON.parse(await sendExpecting(201, request));
  };
  const key = await post("keys", adminToken, { name: "bench" });
  const bearer = `${key.key_id}:${key.key_secret}`;
  const { agent_id } = await post("agents", bearer, {
    name: "Receptionist",
    welcome_message: "Hello, you have reached Acme Dental. How can I help?",
    // Of many calls the first waits until the last has begun.
    silence_hangup_seconds: 300,
  });
  return ({ sid, authToken }, { phone_number }) =>
    post("phone-numbers", bearer, { phone_number, twilio_sid: sid, twilio_token: authToken, agent_id });
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

/**
 * Starts the Express peer in a process of its own.
 *
 * @param database the name of its database file; one that is there already is opened
 */
export async function startPeer(twilioUrl: string, database: string = crypto.randomUUID()) {
  const env = { TWILIO_URL: twilioUrl, DATABASE: scratch(database), PUBLIC_BASE_URL };
  const child = fork("bench/peer.js", { env: { ...process.env, NODE_ENV: "production", ...env } });
  const { url } = await firstMessage<{ url: string }>(child);
  const importNumber: Importer = ({ sid, authToken }, { phone_number }) => {
    const body = { phone_number, twilio_sid: sid, twilio_token: authToken };
    return sendExpecting(201, postOf(`${url}/phone-numbers`, body));
  };
  return { url, pid: child.pid ?? 0, importNumber, close: () => child.disconnect() };
}
