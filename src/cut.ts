/** The beginning of a text, without half a character at its end. */
export function cut(text: string, length: number): string {
  const isSplit = length < text.length && /[\ud800-\udbff]/.test(text[length - 1] ?? "");
  return text.slice(0, Math.max(isSplit ? length - 1 : length, 0));
}
