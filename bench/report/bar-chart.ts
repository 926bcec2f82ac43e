import type { Summary } from "../measure/statistics.ts";
import { colour, gridLines, label, linearTicks, number, picture, SIZE, tag } from "./svg.ts";

export type BarChart = {
  title: string;
  unit: string;
  series: readonly string[];
  /** One bar for each series; a group may have fewer. */
  groups: readonly { label: string; bars: readonly Summary[] }[];
};

/** Medians as bars, the lowest and the highest round as a whisker on each. */
export function barChart({ title, unit, series, groups }: BarChart): string {
  const { width, height, left, right, top, bottom } = SIZE;
  const ticks = linearTicks(
    Math.max(...groups.flatMap(({ bars }) => bars.map(({ median, high }) => Math.max(median, high)))),
  );
  const highest = ticks.at(-1) ?? 1;
  const y = (value: number) => height - bottom - (value / highest) * (height - top - bottom);
  const groupWidth = (width - left - right) / groups.length;
  const barWidth = Math.min(60, (groupWidth * 0.8) / series.length);

  const drawn = groups.map(({ label: name, bars }, group) => {
    const middle = left + groupWidth * (group + 0.5);
    const start = middle - (barWidth * bars.length) / 2;
    const shapes = bars.map(({ median, low, high }, index) => {
      const x = start + index * barWidth;
      const centre = x + barWidth / 2;
      return (
        tag("rect", {
          x: x + 2,
          y: y(median),
          width: barWidth - 4,
          height: y(0) - y(median),
          fill: colour(index),
        }) +
        tag("line", { x1: centre, x2: centre, y1: y(low), y2: y(high), stroke: "#333" }) +
        label(centre, y(Math.max(median, high)) - 5, number(median), {
          "text-anchor": "middle",
          "font-size": 11,
        })
      );
    });
    return (
      shapes.join("") +
      label(middle, height - bottom + 20, name, { "text-anchor": "middle", "font-size": 12 })
    );
  });
  return picture(title, series, gridLines(ticks, y, unit) + drawn.join(""));
}
