import { colour, gridLines, label, linearTicks, number, picture, SIZE, tag } from "./svg.ts";

export type LineChart = {
  title: string;
  xUnit: string;
  yUnit: string;
  /** Ten times as much is as far as ten times as little, where values lie far apart. */
  isLogarithmic?: boolean;
  series: readonly {
    name: string;
    points: readonly (readonly [x: number, y: number])[];
    isDashed?: boolean;
  }[];
};

/** Lines over a common axis. */
export function lineChart({ title, xUnit, yUnit, isLogarithmic = false, series }: LineChart): string {
  const { width, height, left, right, top, bottom } = SIZE;
  const points = series.flatMap((line) => line.points).filter(([, value]) => Number.isFinite(value));
  const values = points.map(([, value]) => value);
  const ticks = isLogarithmic ? powersOfTen(values) : linearTicks(Math.max(...values));
  const scale = isLogarithmic ? Math.log10 : (value: number) => value;
  const [lowest, highest] = [scale(ticks[0] ?? 0), scale(ticks.at(-1) ?? 1)];
  const y = (value: number) =>
    height - bottom - ((scale(value) - lowest) / (highest - lowest)) * (height - top - bottom);
  const last = Math.max(...points.map(([x]) => x));
  const x = (value: number) => left + (value / last) * (width - left - right);

  const marks = [...new Set(points.map(([value]) => value))];
  const xTicks = marks.length <= 12 ? marks : linearTicks(last).filter((value) => value <= last);
  const axis = xTicks.map((value) =>
    label(x(value), height - bottom + 20, number(value), { "text-anchor": "middle", "font-size": 11 }),
  );
  const lines = series.map(({ points: of, isDashed = false }, index) =>
    tag("polyline", {
      points: of.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" "),
      fill: "none",
      stroke: colour(index),
      "stroke-width": 2,
      ...(isDashed && { "stroke-dasharray": "6 4" }),
    }),
  );
  const unit = label(width - right, height - 10, xUnit, { "text-anchor": "end", "font-size": 12 });
  const names = series.map(({ name }) => name);
  return picture(title, names, gridLines(ticks, y, yUnit) + axis.join("") + lines.join("") + unit);
}

function powersOfTen(values: readonly number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
}
