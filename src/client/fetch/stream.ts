import type { Known, StreamReader } from "./api.ts";
import { parseObject, textAt } from "./json.ts";
import { createSseReader, type SseEvent } from "./sse.ts";

/** What to do with a stream that passes by. */
export interface Following {
  reader: StreamReader;
  /** Keep back the events that say nothing but the usage. */
  hidesUsage: boolean;
  signal: AbortSignal | undefined;
  /** Called once, when the answer is complete, was cut off or given up; the stream's end waits for it. Never rejects. */
  onEnd: (known: Known) => Promise<void>;
}

/** Anthropic's and OpenAI's last events; their older streams end with a word of their own. */
const LAST_EVENTS = new Set(["message_stop", "response.completed", "response.incomplete", "response.failed"]);

/**
 * The same bytes, at the pace of whoever reads them. Beside that, their events are read; what is kept back is whole
 * events.
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

  /** Reads an event, and says whether it is to be passed on. */
  const isShown = ({ data }: SseEvent): boolean => {
    const event = parseObject(data);
    const saysUsageOnly = event !== undefined && reader.read(event);
    // Not everybody reads on to the end of the bytes.
    if (data === "[DONE]" || LAST_EVENTS.has(textAt(event, "type"))) void finish();
    return !(saysUsageOnly && hidesUsage);
  };
  const shown = (events: readonly SseEvent[]): Uint8Array[] =>
    events.filter(isShown).map(({ bytes }) => bytes);
  /** What is to be passed on of some bytes: they themselves, unless events are kept back. */
  const piecesOf = (bytes: Uint8Array): Uint8Array[] => {
    const events = shown(sse.push(bytes));
    return hidesUsage ? events : [bytes];
  };
  const lastPieces = (): Uint8Array[] => {
    const events = shown(sse.end());
    return hidesUsage ? events : [];
  };

  /** Something to pass on; undefined at the end. */
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
        // The provider is told at once; what it says to that is nobody's business.
        const cancelled = source.cancel(reason).catch(() => {});
        await Promise.all([cancelled, finish()]);
      },
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  );
}
