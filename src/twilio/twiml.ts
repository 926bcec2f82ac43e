// TwiML, the XML that tells Twilio what to do with a call or a message. https://www.twilio.com/docs/voice/twiml

/** A piece of finished XML. Only this module makes one, so nothing unescaped gets into a document. */
export type Xml = { readonly xml: string };

/** An element with escaped attribute values and children; a text child is escaped. */
export function element(
  name: string,
  attributes: Record<string, string | undefined> = {},
  ...children: (Xml | string)[]
): Xml {
  const attributeText = Object.entries(attributes)
    .map(([key, value]) => (value === undefined ? "" : ` ${key}="${escapeXml(value)}"`))
    .join("");
  const content = children
    .map((child) => (typeof child === "string" ? escapeXml(child) : child.xml))
    .join("");
  return {
    xml: content === "" ? `<${name}${attributeText}/>` : `<${name}${attributeText}>${content}</${name}>`,
  };
}

/** Whom `<Dial>` dials: a number in E.164, or a SIP address. */
export function dialled(number: string): Xml {
  return number.startsWith("+") ? element("Number", {}, number) : element("Sip", {}, number);
}

/** A TwiML answer. Twilio reads `text/plain` aloud and texts it back to senders, so the type matters. */
export function twimlResponse(...verbs: Xml[]): Response {
  const document = `<?xml version="1.0" encoding="UTF-8"?>${element("Response", {}, ...verbs).xml}`;
  return new Response(document, { headers: { "content-type": "text/xml; charset=utf-8" } });
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

// XML 1.0 has no way at all to write these, not even as a character reference (https://www.w3.org/TR/xml/#charsets).
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(NOT_XML, "")
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
