/** An element of a TwiML document. */
export type Element = { name: string; attributes: Record<string, string>; children: (Element | string)[] };

const TOKEN =
  /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<(\/?)([A-Za-z][\w.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/g;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The verbs of a TwiML document. @throws Error if it is not a document with the root `<Response>` */
export function verbsOf(document: string): Element[] {
  const top: Element = { name: "", attributes: {}, children: [] };
  const open = [top];
  let end = 0;
  for (const match of document.matchAll(TOKEN)) {
    if (match.index !== end) break;
    end += match[0].length;
    const [, closes, name, attributes = "", isEmpty, text] = match;
    const parent = open.at(-1);
    if (!parent) break;
    if (text !== undefined) parent.children.push(decode(text));
    if (name === undefined) continue;
    if (closes) {
      if (open.pop()?.name !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const child: Element = { name, attributes: {}, children: [] };
    for (const [, key = "", double, single] of attributes.matchAll(ATTRIBUTE))
      child.attributes[key] = decode(double ?? single ?? "");
    parent.children.push(child);
    if (!isEmpty) open.push(child);
  }
  const [root] = elementsOf(top);
  if (end !== document.length || open.length !== 1 || root?.name !== "Response")
    throw new Error("not a TwiML document");
  return elementsOf(root);
}

export function elementsOf({ children }: Element): Element[] {
  return children.filter((child): child is Element => typeof child !== "string");
}

export function textOf({ children }: Element): string {
  return children.filter((child) => typeof child === "string").join("");
}

function decode(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
