import type { Delta } from "./model.ts";

// Open reasoning models stream what they think before what they say.
const OPENS = "<think>";
const CLOSES = "</think>";

/** The same without thoughts, wherever the pieces break, and without half a character at a piece's end. */
export async function* withoutThoughts(deltas: AsyncIterable<Delta>): AsyncGenerator<Delta> {
  let rest = "";
  let isThinking = false;
  let isFirst = true;
  const take = (isLast: boolean): string => {
    let said = "";
    for (;;) {
      const tag = isThinking ? CLOSES : OPENS;
      const place = rest.indexOf(tag);
      const end = place >= 0 ? place : isLast ? rest.length : rest.length - unsureLength(rest, tag);
      if (!isThinking) said += rest.slice(0, end);
      rest = rest.slice(place >= 0 ? end + tag.length : end);
      if (place < 0) break;
      isThinking = !isThinking;
    }
    if (isFirst) said = said.trimStart();
    if (said !== "") isFirst = false;
    return said;
  };
  for await (const delta of deltas) {
    const isText = delta.type === "text";
    if (isText) rest += delta.text;
    const text = take(!isText);
    if (text !== "") yield { type: "text", text };
    if (!isText) yield delta;
  }
  const text = take(true).toWellFormed();
  if (text !== "") yield { type: "text", text };
}

/** How much of a text's end may be the beginning of a tag, or of a character. */
function unsureLength(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length -= 1)
    if (text.endsWith(tag.slice(0, length))) return length;
  return /[\ud800-\udbff]$/.test(text) ? 1 : 0;
}
