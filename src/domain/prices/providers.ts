/** The names of one provider: in genai-prices, in LiteLLM's price file, and in other prefixes before a slash. */
interface ProviderNames {
  readonly genai: string;
  /** Absent if the file uses the same name, or lists the provider as a service with its own prices. */
  readonly file?: string;
  readonly others?: readonly string[];
}

const PROVIDERS: readonly ProviderNames[] = [
  { genai: "google", file: "gemini" },
  { genai: "google", file: "vertex_ai", others: ["vertex", "vertex_ai_beta"] },
  { genai: "aws", file: "bedrock", others: ["bedrock_converse", "amazon"] },
  { genai: "azure", others: ["azure_ai", "azure_text"] },
  { genai: "openai", others: ["text-completion-openai"] },
  { genai: "cohere", others: ["cohere_chat"] },
  { genai: "x-ai", file: "xai" },
  { genai: "together", file: "together_ai", others: ["together-ai"] },
  { genai: "fireworks", file: "fireworks_ai" },
  { genai: "voyageai", file: "voyage" },
  { genai: "moonshotai", file: "moonshot" },
  { genai: "github-copilot", file: "github_copilot" },
];

const GENAI_NAMES: ReadonlyMap<string, string> = new Map(
  PROVIDERS.flatMap(({ genai, file, others = [] }) =>
    [...(file === undefined ? [] : [file]), ...others].map((name) => [name, genai] as const),
  ),
);

const FILE_NAMES: ReadonlyMap<string, readonly string[]> = PROVIDERS.reduce(
  (names, { genai, file, others = [] }) => {
    if (file === undefined) return names;
    for (const name of [genai, ...others]) names.set(name, [...(names.get(name) ?? []), file]);
    return names;
  },
  new Map<string, readonly string[]>(),
);

/** The provider's id in genai-prices, for any spelling. */
export const genaiProvider = (name: string): string => GENAI_NAMES.get(name) ?? name;

/** The names of a provider in LiteLLM's price file: the given name, then the others. */
export const fileProviders = (name: string): readonly string[] => [name, ...(FILE_NAMES.get(name) ?? [])];
