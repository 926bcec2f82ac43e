// Texts with `{{name}}` in them, and what stands for the names.

export type Variables = Readonly<Record<string, string>>;

const PLACE = String.raw`\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:\|([^{}]*))?\}\}`;
const PLACES = new RegExp(` ${PLACE}|${PLACE} ?`, "g");

/**
 * `{{name}}` becomes the variable's value, or what stands after the bar in `{{name|default}}`. Without either it is removed,
 * with one of the spaces around it: nobody wants to hear braces. A value is text: braces in it stay.
 *
 * @internal
 */
export function fill(text: string, values: Variables): string {
  return text.replace(PLACES, (place, name1, default1, name2, default2) => {
    const name: string = name1 ?? name2;
    const value = (Object.hasOwn(values, name) && values[name]) || (default1 ?? default2 ?? "").trim();
    if (value === "") return "";
    return `${place.startsWith(" ") ? " " : ""}${value}${place.endsWith(" ") ? " " : ""}`;
  });
}

const within = (length: number) => (text: string | null, values: Variables) =>
  text && fill(text, values).slice(0, length).toWellFormed();

// What is filled in may be longer than what it stands for.
/** A text that is spoken. Twilio speaks at most 4,096 characters in one `<Say>`. */
export const said = within(4_000);
/** A text that a model is told. */
export const told = within(60_000);
