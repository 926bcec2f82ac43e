// Answers of the API for pages whose state takes long to bring about: a month of calls, a recording, a bulk import.

const day = (at: number) => new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10);

export function usage() {
  const days = Array.from({ length: 30 }, (_, at) => ({ date: day(at), calls: at, minutes: 2 * at, sms: 5 }));
  return {
    since: day(0),
    until: day(29),
    calls: { inbound: 400, outbound: 35, minutes: 870 },
    sms: { received: 100, sent: 50 },
    numbers: 3,
    days,
  };
}

export const CALL = {
  call_id: `CA${"a".repeat(32)}`,
  agent_id: null,
  direction: "inbound",
  from: "+447700900123",
  to: "+447446466847",
  status: "completed",
  ended_reason: "caller_hangup",
  started_at: "2026-01-31T12:00:00.000Z",
  answered_at: "2026-01-31T12:00:01.000Z",
  ended_at: "2026-01-31T12:01:14.000Z",
  duration_seconds: 73,
  recording_url: `https://numbers.example.com/v1/calls/CA${"a".repeat(32)}/recording`,
  created_at: "2026-01-31T12:00:00.000Z",
};

export const SAID = [
  { role: "agent", text: "Acme Dental, good morning. How can I help?", at: "2026-01-31T12:00:02.000Z" },
  { role: "caller", text: "Do you have time on Friday?", at: "2026-01-31T12:00:06.000Z" },
  { role: "agent", text: "Yes, at ten. Shall I note that down?", at: "2026-01-31T12:00:08.000Z" },
];

/** A tenth of a second of silence as a WAV file: 8,000 samples a second, 8 bits, one channel. */
export const SILENCE = (() => {
  const samples = Buffer.alloc(800, 128);
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(8_000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
})();

const ACCOUNT_FREE = { agent_id: null, external_id: null, twilio_number_sid: null, reason: null };

export function bulkJob(isPlan: boolean) {
  const counts = { imported: 0, already_yours: 0, failed: 0, skipped: 0, planned: 0, waiting: 0 };
  return {
    import_id: isPlan ? "imp_1" : "imp_2",
    status: "completed",
    stop_reason: null,
    dry_run: isPlan,
    total: isPlan ? 2 : 1,
    counts: { ...counts, ...(isPlan ? { planned: 2 } : { failed: 1 }) },
    rate_per_minute: 0,
    seconds_left: 0,
    account_errors: [],
    created_at: "2026-01-31T12:00:00.000Z",
    started_at: "2026-01-31T12:00:01.000Z",
    ended_at: "2026-01-31T12:00:09.000Z",
  };
}

export function bulkResults(isPlan: boolean, sid = "") {
  const planned = (phone_number: string, voice: object) => ({
    ...ACCOUNT_FREE,
    phone_number,
    twilio_sid: sid,
    outcome: "planned",
    error: null,
    plan: { answered_by: { voice, sms: { kind: "nobody" } }, warnings: [], unchecked: [] },
  });
  const results = isPlan
    ? [
        planned("+447000007000", { kind: "voice_platform", name: "Vapi", host: "api.vapi.ai" }),
        planned("+447000007010", { kind: "nobody" }),
      ]
    : [
        {
          ...ACCOUNT_FREE,
          phone_number: "+447000007000",
          twilio_sid: sid,
          outcome: "failed",
          error: { code: "number_not_in_twilio", message: "The phone number is not in this Twilio account." },
          plan: null,
        },
      ];
  return { results, count: results.length, limit: 100, offset: 0 };
}
