/** Counting tokens: which encoding a model uses, how many tokens a text has, and what a chat is billed for. */
export { type ChatTexts, chatTexts, countChat } from "./tokens/chat.ts";
export { encodingFor } from "./tokens/encoding.ts";
export type { Encoding } from "./tokens/ranks.ts";
export { vocabulary as warmEncoding } from "./tokens/ranks.ts";
export { type CountSteps, countText, countTextsSteps } from "./tokens/text.ts";
