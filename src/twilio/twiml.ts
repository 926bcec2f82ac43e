// TwiML, the XML that tells Twilio what to do with a call or a message. https://www.twilio.com/docs/voice/twiml

/** Finished XML. Only this module makes it, so a document never holds unescaped text. */
export type Xml = { readonly xml: string };

/** An element. Attribute values and text children are escaped here. */
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

/** Whether any of the verbs dials a telephone number. */
export const dialsNumber = (verbs: readonly Xml[]): boolean =>
  verbs.some(({ xml }) => xml.includes("<Number>"));

/** A whole document. */
export function documentOf(...verbs: Xml[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element("Response", {}, ...verbs).xml}`;
}

/** A TwiML answer. The content type is important: Twilio speaks `text/plain` to callers and texts it to senders. */
export function twimlResponse(...verbs: Xml[]): Response {
  return new Response(documentOf(...verbs), { headers: { "content-type": "text/xml; charset=utf-8" } });
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

// XML 1.0 cannot hold these characters, not even as a character reference (https://www.w3.org/TR/xml/#charsets).
// biome-ignore lint/suspicious/noControlCharactersInRegex: this removes control characters, so it must name them
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(NOT_XML, "")
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}
