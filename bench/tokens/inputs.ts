import type { CountJob } from "../../src/workers/tokens.ts";
import { createRandom, type Random } from "./random.ts";

export const MEGABYTE = 1_000_000;

/** A text of whole units with at least this many bytes of UTF-8. */
export function filled(bytes: number, unit: () => string): string {
  const units: string[] = [];
  for (let left = bytes; left > 0; ) {
    const next = unit();
    units.push(next);
    left -= Buffer.byteLength(next);
  }
  return units.join("");
}

const letter = (random: Random): string => String.fromCharCode(97 + random.below(26));
const cjk = (random: Random): string => String.fromCharCode(0x4e00 + random.below(0x5000));
const emoji = (random: Random): string => String.fromCodePoint(0x1f300 + random.below(0x300));

/** The kinds of text that are counted at 1 MB: typical input, and input that is slow for tokenizers. */
export function megabytes(random: Random): [kind: string, text: string][] {
  const bytes = Buffer.alloc((MEGABYTE * 3) / 4, 0).map(() => random.below(256));
  return [
    ["the letter a", "a".repeat(MEGABYTE)],
    ["base64", Buffer.from(bytes).toString("base64")],
    ["CJK", filled(MEGABYTE, () => cjk(random))],
    ["emoji", filled(MEGABYTE, () => emoji(random))],
    ["whitespace", filled(MEGABYTE, () => random.pick([" ", "\n", "\t", "\r\n"]))],
    ["digits", filled(MEGABYTE, () => String(random.below(10)))],
    ["random lowercase", filled(MEGABYTE, () => letter(random))],
  ];
}

const QUESTION =
  "Which of our teams spent more on model calls this week than in the week before, what did they spend it on, " +
  "and which two changes to prompts or to the choice of models would save the most without hurting the answers? ";

const CODE = `for (const [team, entries] of Object.entries(groupBy(ledger, ({ team }) => team))) {
  const total = entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0n);
  console.log(\`\${team}: \${formatUsd(total)} in \${entries.length} calls\`);
}
`;

/** Typical input of a service. */
export const TYPICAL: readonly [kind: string, job: CountJob][] = [
  [
    "chats of 4 messages with a tool",
    {
      model: "gpt-4o",
      messages: [
        { role: "system", content: "You answer questions about cloud bills, briefly and with numbers." },
        { role: "user", content: QUESTION },
        { role: "assistant", content: "The search team, by 12%; most of it is embedding the archive again." },
        { role: "user", content: `Here is how I add it up:\n${CODE}What is wrong with it?` },
      ],
      tools: [
        {
          type: "function",
          function: {
            name: "list_costs",
            description: "Lists what a team spent in a period.",
            parameters: {
              type: "object",
              properties: {
                team: { type: "string", description: "The name of a team." },
                period: { type: "string", enum: ["day", "week", "month"] },
              },
              required: ["team"],
            },
          },
        },
      ],
    },
  ],
  ["texts of 4 KB", { model: "gpt-4o", text: `${QUESTION}${CODE}`.repeat(9).slice(0, 4000) }],
];

const UNITS: readonly [string, (random: Random) => string][] = [
  ["one letter", () => "a"],
  ["letters", letter],
  ["capitals", (random) => letter(random).toUpperCase()],
  ["pairs of letters", () => "ab"],
  ["three letters", (random) => random.pick(["oot", "mit", "ing", "the", "aaa", "zzz"])],
  ["CJK", cjk],
  ["one ideograph", () => "中"],
  ["emoji", emoji],
  ["families of emoji", () => "👩‍👩‍👧‍👦"],
  ["combining marks", () => "e\u0301"],
  ["accents", (random) => random.pick(["é", "ß", "ø", "ñ", "Ǆ", "ǅ"])],
  ["Arabic", (random) => String.fromCharCode(0x621 + random.below(40))],
  ["Devanagari", (random) => String.fromCharCode(0x905 + random.below(60))],
  ["spaces", () => " "],
  ["whitespace", (random) => random.pick([" ", "\n", "\t", "\r\n", "\u00a0", "\u3000"])],
  ["digits", (random) => String(random.below(10))],
  ["punctuation", (random) => random.pick([".", "=", "-", "/", "{", ");", "<|", "'s"])],
  ["any code unit", (random) => String.fromCharCode(random.below(0x10000))],
  ["zeros", () => "\u0000"],
];

/** How to generate a fuzzed text. The same recipe gives the same text, at any length. */
export interface Recipe {
  seed: number;
  kinds: string[];
  /** The maximum number of units of one kind in a row. */
  runMax: number;
  model: string;
}

export function newRecipe(random: Random): Recipe {
  const [first, second, third] = [0, 0, 0].map(() => UNITS[random.below(UNITS.length)]?.[0] ?? "letters");
  const kinds = [first, second, third].slice(0, 1 + random.below(3)).filter((kind) => kind !== undefined);
  const runMax = random.pick([1, 3, 30, 3000]);
  return { seed: random.below(2 ** 32), kinds, runMax, model: random.pick(["gpt-4o", "gpt-4"]) };
}

/** Generates the text of a recipe. */
export function cook({ seed, kinds, runMax }: Recipe, bytes: number): string {
  const random = createRandom(seed);
  const units = UNITS.filter(([kind]) => kinds.includes(kind)).map(([, unit]) => unit);
  let left = 0;
  let unit = units[0];
  return filled(bytes, () => {
    if (left-- <= 0) {
      left = random.below(runMax);
      unit = units[random.below(units.length)];
    }
    return unit?.(random) ?? "a";
  });
}
