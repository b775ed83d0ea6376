import { type Figure, isMet } from "./figure.ts";

const NAME_WIDTH = 74;
const NUMBER_WIDTH = 10;

export const heading = [
  "figure".padEnd(NAME_WIDTH),
  ...["median", "least", "most"].map((text) => text.padStart(NUMBER_WIDTH)),
  "unit".padEnd(NUMBER_WIDTH),
  "target",
].join("  ");

export function line(figure: Figure): string {
  const numbers = [figure.value, figure.least, figure.most].map((value) =>
    shown(value).padStart(NUMBER_WIDTH),
  );
  return [figure.name.padEnd(NAME_WIDTH), ...numbers, figure.unit.padEnd(NUMBER_WIDTH), verdict(figure)]
    .join("  ")
    .trimEnd();
}

const shown = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);

function verdict(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return "";
  const wanted =
    "atLeast" in target ? `at least ${shown(target.atLeast)}` : `at most ${shown(target.atMost)}`;
  return `${wanted}: ${isMet(figure) === true ? "met" : "missed"}`;
}
