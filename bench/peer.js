import { DatabaseSync } from "node:sqlite";
import express from "express";
import twilio from "twilio";

// The peer: the same job as it is done in a Node.js service, with Express, Twilio's own SDK and SQLite. Nothing is
// made slow on purpose, and it does less than the Worker: no API keys, no sealed tokens, no claim before the update.
// Its parent says by the environment where Twilio is, and which database file to use.

const { TWILIO_URL = "", DATABASE = "", PUBLIC_BASE_URL = "" } = process.env;

const database = new DatabaseSync(DATABASE);
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS phone_numbers (
    id TEXT PRIMARY KEY, phone_number TEXT NOT NULL UNIQUE, number_sid TEXT NOT NULL, account_sid TEXT NOT NULL,
    auth_token TEXT NOT NULL, welcome_message TEXT NOT NULL, language TEXT NOT NULL
  ) STRICT`);
const insert = database.prepare("INSERT INTO phone_numbers VALUES (?, ?, ?, ?, ?, ?, ?)");
const byId = database.prepare("SELECT auth_token, welcome_message, language FROM phone_numbers WHERE id = ?");

// The SDK's own HTTP client with its connections kept, sent to the simulator instead of api.twilio.com.
const httpClient = new twilio.RequestClient({ keepAlive: true });
const request = httpClient.request.bind(httpClient);
httpClient.request = (options) => {
  const { pathname, search } = new URL(options.uri);
  return request({ ...options, uri: TWILIO_URL + pathname + search });
};

const app = express();

app.post("/empty", (_, response) => response.end());

app.post("/phone-numbers", express.json(), async (incoming, response) => {
  const { phone_number, twilio_sid, twilio_token } = incoming.body;
  const client = twilio(twilio_sid, twilio_token, { httpClient });
  const [number] = await client.incomingPhoneNumbers.list({ phoneNumber: phone_number, limit: 1 });
  if (!number) return response.sendStatus(404);
  const id = crypto.randomUUID();
  const url = `${PUBLIC_BASE_URL}/calls/${id}`;
  await client.incomingPhoneNumbers(number.sid).update({
    voiceUrl: url,
    voiceMethod: "POST",
    smsUrl: `${url}/sms`,
    smsMethod: "POST",
    statusCallback: `${url}/status`,
    statusCallbackMethod: "POST",
  });
  const welcome = "Hello, you have reached Acme Dental.";
  insert.run(id, phone_number, number.sid, twilio_sid, twilio_token, welcome, "en-US");
  response.status(201).json({ phone_number: { id, phone_number, twilio_number_sid: number.sid } });
});

app.post("/calls/:id", express.urlencoded({ extended: false }), (incoming, response) => {
  const row = byId.get(incoming.params.id);
  const signature = incoming.header("x-twilio-signature") ?? "";
  const url = PUBLIC_BASE_URL + incoming.originalUrl;
  const isGenuine = row && twilio.validateRequest(row.auth_token, signature, url, incoming.body);
  if (!isGenuine) return response.sendStatus(403);
  const twiml = new twilio.twiml.VoiceResponse();
  twiml.say({ language: row.language }, row.welcome_message);
  twiml.hangup();
  response.type("text/xml").send(twiml.toString());
});

const server = app.listen(0, "127.0.0.1", () => {
  process.send({ url: `http://127.0.0.1:${server.address().port}` });
});
process.on("disconnect", () => process.exit(0));
