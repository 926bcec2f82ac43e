/** An account as the loop is given it: it reads no database. */
export type NaiveRequest = {
  twilioUrl: string;
  authorization: string;
  accountSid: string;
  numbers: readonly { sid: string; voiceUrl: string }[];
};

/** Compares an account the usual way: it fetches each number, looks at one field, and mends what differs. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { twilioUrl, authorization, accountSid, numbers } = await request.json<NaiveRequest>();
    const list = `${twilioUrl}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers`;
    const headers = { authorization };
    for (const { sid, voiceUrl } of numbers) {
      const url = `${list}/${sid}.json`;
      const { voice_url } = await (await fetch(url, { headers })).json<{ voice_url: string }>();
      if (voice_url === voiceUrl) continue;
      const body = new URLSearchParams({ VoiceUrl: voiceUrl });
      await (await fetch(url, { method: "POST", headers, body })).text();
    }
    return new Response(null, { status: 204 });
  },
};
