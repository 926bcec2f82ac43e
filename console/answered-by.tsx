import type { ImportPlan } from "./types.ts";

export type Answering = ImportPlan["answered_by"]["voice"];

const KINDS: Record<Answering["kind"], string> = {
  nobody: "nobody",
  fax: "a fax",
  sip_trunk: "a SIP trunk",
  twiml_app: "a TwiML App",
  studio_flow: "a Studio flow",
  flex: "Twilio Flex",
  twiml_bin: "a TwiML Bin",
  twilio_function: "a Twilio Function",
  twilio_demo: "Twilio's demo",
  voice_platform: "a voice platform",
  this_service: "this service",
  webhook: "a webhook",
};

/** Who answers a number before its import. */
export function AnsweredBy({ who: { kind, name, host, sid } }: { who: Answering }) {
  return (
    <>
      {name ?? KINDS[kind]}
      {host !== undefined && <span class="quiet"> at {host}</span>}
      {sid !== undefined && <code> {sid}</code>}
    </>
  );
}
