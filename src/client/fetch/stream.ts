import type { Known, StreamReader } from "./api.ts";
import { parseObject } from "./json.ts";
import { createSseReader, type SseEvent } from "./sse.ts";

/** What to do with a stream that passes by. */
export interface Following {
  reader: StreamReader;
  /** Keep back the events that say nothing but the usage. */
  hidesUsage: boolean;
  signal: AbortSignal | undefined;
  /** Called once, when the stream has ended, was cut off or given up; its end waits for it. Never rejects. */
  onEnd: (known: Known) => Promise<void>;
}

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

  /** Reads events, and gives those that are to be passed on. */
  const shown = (events: SseEvent[]): Uint8Array[] =>
    events.filter(({ data }) => !(readEvent(reader, data) && hidesUsage)).map(({ bytes }) => bytes);

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (let passed = false; !passed; ) {
            const { done, value } = await source.read();
            const events = shown(done ? sse.end() : sse.push(value));
            const pieces = hidesUsage ? events : value === undefined ? [] : [value];
            for (const piece of pieces) controller.enqueue(piece);
            passed = pieces.length > 0 && !done;
            if (!done) continue;
            await finish();
            controller.close();
            return;
          }
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

function readEvent(reader: StreamReader, data: string): boolean {
  const event = parseObject(data);
  return event !== undefined && reader.read(event);
}
