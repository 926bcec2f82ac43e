// What the charts share. Text is drawn in the reader's own font, and colours tell apart for the colour-blind as well
// (Okabe and Ito, https://jfly.uni-koeln.de/color/).

export const COLOURS = ["#009e73", "#0072b2", "#d55e00", "#cc79a7", "#e69f00"];
export const SIZE = { width: 760, height: 360, left: 70, right: 20, top: 64, bottom: 50 };

type Attributes = Record<string, string | number>;

export function tag(name: string, attributes: Attributes, content = ""): string {
  const pairs = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : value}"`,
  );
  return `<${name}${pairs.join("")}>${content}</${name}>`;
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return tag("text", { x, y, fill: "#333", ...attributes }, escaped(text));
}

/** The whole picture: a white ground, its title, and a legend of its series. */
export function picture(title: string, series: readonly string[], content: string): string {
  const { width, height, left } = SIZE;
  let x = left;
  const legend = series.map((name, index) => {
    const entry =
      tag("rect", { x, y: 36, width: 12, height: 12, fill: colour(index) }) +
      label(x + 17, 46, name, { "font-size": 12 });
    x += 40 + name.length * 6.5;
    return entry;
  });
  return `${tag(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, "font-family": "sans-serif" },
    tag("title", {}, escaped(title)) +
      tag("rect", { width, height, fill: "#fff" }) +
      label(left, 22, title, { "font-size": 15, "font-weight": "bold" }) +
      legend.join("") +
      content,
  )}\n`;
}

/** Horizontal lines with what they stand for. */
export function gridLines(ticks: readonly number[], y: (value: number) => number, unit: string): string {
  const { width, left, right } = SIZE;
  return ticks
    .map(
      (value) =>
        tag("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: "#ddd" }) +
        label(left - 8, y(value) + 4, `${number(value)} ${unit}`, { "text-anchor": "end", "font-size": 11 }),
    )
    .join("");
}

/** Four or five round numbers from zero to the highest value. */
export function linearTicks(highest: number): number[] {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? rough;
  return Array.from({ length: Math.ceil(highest / step) + 1 }, (_, index) => index * step);
}

export const colour = (index: number) => COLOURS[index % COLOURS.length] ?? "#000";
export const number = (value: number) => Number(value.toPrecision(3)).toLocaleString("en-US");
const round = (value: number) => Math.round(value * 10) / 10;
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
