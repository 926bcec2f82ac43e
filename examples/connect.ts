import { type Client, createClient } from "@nixflex/numbers";

// Sends a customer to the page where they connect their own Twilio account, and takes them back.
//
//   NIXFLEX_URL=https://numbers.example.com NIXFLEX_KEY=KEY_ID:KEY_SECRET AGENT_ID=agent_… \
//   APP_URL=https://app.example.com npx node examples/connect.ts dentist-17

/** @param customer your own id of them @returns where to send their browser */
export async function sendThere(nixflex: Client, agentId: string, customer: string, appUrl: string) {
  const { url } = await nixflex.createConnectLink({
    body: { agent_id: agentId, external_id: customer, redirect_url: `${appUrl}/connected` },
  });
  return url;
}

/** @param returned the URL at which they come back @returns their numbers: the API says which, not the browser */
export async function takeBack(nixflex: Client, returned: string) {
  const connect_link_id = new URL(returned).searchParams.get("connect_link_id") ?? "";
  const { external_id, phone_numbers } = await nixflex.getConnectLink({ path: { connect_link_id } });
  return { customer: external_id, numbers: phone_numbers.map(({ phone_number }) => phone_number) };
}

if (import.meta.main) {
  const [customer = ""] = process.argv.slice(2);
  const { NIXFLEX_URL: baseUrl = "", NIXFLEX_KEY = "", AGENT_ID = "", APP_URL = "" } = process.env;
  console.log(await sendThere(createClient({ baseUrl, token: NIXFLEX_KEY }), AGENT_ID, customer, APP_URL));
}
