/** Counting tokens: which encoding a model uses, how many tokens a text has, and what a chat is billed for. */
export { countChat } from "./tokens/chat.ts";
export { encodingFor } from "./tokens/encoding.ts";
export type { Encoding } from "./tokens/ranks.ts";
export { vocabulary as warmEncoding } from "./tokens/ranks.ts";
export { countText } from "./tokens/text.ts";
