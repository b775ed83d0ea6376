import type { Known, StreamReader } from "./api.ts";
import { parseObject, textAt } from "./json.ts";
import { createSseReader, type SseEvent } from "./sse.ts";

/** How to follow a stream. */
export interface Following {
  reader: StreamReader;
  /** Whether to hide events that contain nothing but the usage. */
  hidesUsage: boolean;
  signal: AbortSignal | undefined;
  /** Called once, when the answer is complete, cut off or cancelled. The stream ends after it. Never rejects. */
  onEnd: (known: Known) => Promise<void>;
}

/** The types of the last events of Anthropic and OpenAI. OpenAI's older streams end with "[DONE]". */
const LAST_EVENTS = new Set(["message_stop", "response.completed", "response.incomplete", "response.failed"]);

/**
 * A stream with the same bytes, read only as fast as the caller reads. Its events are parsed on the way. Only whole
 * events are hidden.
 */
export function followStream(
  body: ReadableStream<Uint8Array>,
  { reader, hidesUsage, signal, onEnd }: Following,
): ReadableStream<Uint8Array> {
  const source = body.getReader();
  const sse = createSseReader();
  let ended: Promise<void> | undefined;

  const finish = (): Promise<void> => {
    signal?.removeEventListener("abort", abort);
    ended ??= onEnd(reader.known());
    return ended;
  };
  const abort = (): void => void finish();
  signal?.addEventListener("abort", abort, { once: true });

  /** Reads an event. Returns whether to pass it on. */
  const isShown = ({ data }: SseEvent): boolean => {
    const event = parseObject(data);
    const saysUsageOnly = event !== undefined && reader.read(event);
    // Some callers stop reading at the last event, before the end of the bytes.
    if (data === "[DONE]" || LAST_EVENTS.has(textAt(event, "type"))) void finish();
    return !(saysUsageOnly && hidesUsage);
  };
  const shown = (events: readonly SseEvent[]): Uint8Array[] =>
    events.filter(isShown).map(({ bytes }) => bytes);
  /** The bytes to pass on: the original bytes, or only whole events if events are hidden. */
  const piecesOf = (bytes: Uint8Array): Uint8Array[] => {
    const events = shown(sse.push(bytes));
    return hidesUsage ? events : [bytes];
  };
  const lastPieces = (): Uint8Array[] => {
    const events = shown(sse.end());
    return hidesUsage ? events : [];
  };

  /** The next bytes to pass on. Undefined at the end. */
  const next = async (): Promise<Uint8Array[] | undefined> => {
    for (;;) {
      const { done, value } = await source.read();
      if (done) return undefined;
      const pieces = piecesOf(value);
      if (pieces.length > 0) return pieces;
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const pieces = await next();
          for (const piece of pieces ?? lastPieces()) controller.enqueue(piece);
          if (pieces !== undefined) return;
          await finish();
          controller.close();
        } catch (error) {
          await finish();
          throw error;
        }
      },
      async cancel(reason) {
        // Cancelling the provider's stream must not wait for the charge, and its errors do not matter.
        const cancelled = source.cancel(reason).catch(() => {});
        await Promise.all([cancelled, finish()]);
      },
    },
    // Read from the provider only when the caller reads.
    { highWaterMark: 0 },
  );
}
