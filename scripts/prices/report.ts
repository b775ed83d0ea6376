import type { PriceFile } from "../../src/domain/prices.ts";
import type { Comparison, Difference } from "./compare.ts";
import { table } from "./table.ts";

/** A comparison for people. The long lists come first, so that the counts are at the end of the output. */
export function report(file: PriceFile, comparison: Comparison): string {
  const { onlyFile, onlyGenai, both, differences, givenByOne } = comparison;
  const differing = new Set(differences.map(({ model }) => model)).size;
  const unpriced = file.models.size - onlyFile.length - both - file.leftOut.length;
  return [
    ...section("priced by the file only", onlyFile),
    ...section("priced by genai-prices only", onlyGenai),
    ...section(
      "left out of the file, because of an invalid price",
      file.leftOut.map(({ model, why }) => `${model}: ${why}`),
    ),
    ...section("differ by more than 1%, in USD for a million tokens", differenceRows(differences)),
    "counts",
    ...table(
      [
        [String(file.models.size), "models in the file"],
        [String(unpriced), "of these without any price"],
        [String(file.leftOut.length), "of these left out"],
        [String(onlyFile.length), "priced by the file only"],
        [String(onlyGenai.length), "names priced by genai-prices only"],
        [String(both), "priced by both"],
        [String(differing), `of these differ by more than 1%, in ${differences.length} rates`],
        ...Object.entries(givenByOne).map(([dimension, count]) => [
          String(count),
          `of these have a rate of ${dimension} in one source only, not compared`,
        ]),
      ],
      [0],
    ).map((line) => `  ${line}`),
    "",
  ].join("\n");
}

const section = (title: string, lines: readonly string[]): string[] => [
  title,
  ...(lines.length === 0 ? ["none"] : lines).map((line) => `  ${line}`),
  "",
];

function differenceRows(differences: readonly Difference[]): string[] {
  if (differences.length === 0) return [];
  const rows = differences.map(({ model, genaiModel, dimension, above, fileUsd, genaiUsd }) => [
    model,
    above === 0 ? dimension : `${dimension} above ${above}`,
    fileUsd,
    genaiUsd,
    genaiModel,
  ]);
  return table([["model", "dimension", "file", "genai-prices", "its name there"], ...rows], [2, 3]);
}
