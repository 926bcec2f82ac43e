import type { Hono } from "hono";
import type { State } from "./state.ts";

// https://www.twilio.com/docs/voice/api/recording#fetch-a-recording-media-file

const RECORDINGS = "/2010-04-01/Accounts/:account/Recordings";
const FRAME_BYTES = 96;
/** Silence that a browser plays: frames of MPEG-1 Layer III, 32 kbit/s, 48 kHz, mono, each ended by its number. */
const SOUND = Uint8Array.from({ length: 10 * FRAME_BYTES }, (_, index) => {
  const place = index % FRAME_BYTES;
  return [0xff, 0xfb, 0x14, 0xc0][place] ?? (place === FRAME_BYTES - 1 ? Math.floor(index / FRAME_BYTES) : 0);
});

type Refuse = (status: number, code: number, message: string) => Response;

/** Recordings, their sound, and their deletion. */
export function addRecordings(api: Hono, state: State, refuse: Refuse): void {
  const gone = () => refuse(404, 20404, "The requested resource was not found");

  api.get(`${RECORDINGS}/:file{RE[0-9a-fA-F]{32}\\.mp3}`, (c) => {
    const sid = c.req.param("file").replace(".mp3", "");
    if (state.recordings.get(sid) !== c.req.param("account")) return gone();
    const headers = { "content-type": "audio/mpeg", "accept-ranges": "bytes" };
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(c.req.header("range") ?? "") ?? [];
    if (from === undefined) return new Response(SOUND, { headers });
    const end = to ? Math.min(Number(to), SOUND.length - 1) : SOUND.length - 1;
    if (Number(from) > end) return new Response(null, { status: 416, headers });
    return new Response(SOUND.slice(Number(from), end + 1), {
      status: 206,
      headers: { ...headers, "content-range": `bytes ${from}-${end}/${SOUND.length}` },
    });
  });

  api.delete(`${RECORDINGS}/:file{RE[0-9a-fA-F]{32}\\.json}`, (c) => {
    const sid = c.req.param("file").replace(".json", "");
    if (state.recordings.get(sid) !== c.req.param("account")) return gone();
    state.recordings.delete(sid);
    return new Response(null, { status: 204 });
  });
}
