/** What the floor is asked to do: the two calls to Twilio of an import, with nothing around them. */
export type FloorRequest = {
  twilioUrl: string;
  authorization: string;
  accountSid: string;
  phoneNumber: string;
  numberSid: string;
  /** Form parameters of the update. */
  update: Record<string, string>;
};

/** Looks a number up and updates it, one after the other. No import from this runtime can take less. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { twilioUrl, authorization, accountSid, phoneNumber, numberSid, update } =
      await request.json<FloorRequest>();
    const list = `${twilioUrl}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers`;
    const headers = { authorization };
    const query = new URLSearchParams({ PhoneNumber: phoneNumber, PageSize: "50" });
    const found = await fetch(`${list}.json?${query}`, { headers });
    await found.text();
    const body = new URLSearchParams(update);
    const updated = await fetch(`${list}/${numberSid}.json`, { method: "POST", headers, body });
    await updated.text();
    return new Response(null, { status: found.ok && updated.ok ? 204 : 502 });
  },
};
