/** One server-sent event: its data and its original bytes, including the blank line after it. */
export interface SseEvent {
  data: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Reads server-sent events from chunks of bytes, which may be cut at any byte. */
export interface SseReader {
  /** Returns the events that these bytes complete. */
  push(bytes: Uint8Array): SseEvent[];
  /** Returns the rest when the bytes have ended: a last event without a blank line, or nothing. */
  end(): SseEvent[];
}

const LF = 10;
const CR = 13;

/**
 * By the HTML standard, lines end in LF, CR LF or CR, and an empty line ends an event. Whole lines are decoded, so a
 * cut inside a character does no harm.
 */
export function createSseReader(): SseReader {
  const decoder = new TextDecoder();
  let event: Uint8Array[] = [];
  let line: Uint8Array[] = [];
  let data: string[] = [];
  let afterCr = false;

  const takeLine = (): void => {
    const text = decoder.decode(joined(line));
    line = [];
    if (text.startsWith("data:")) data.push(text.slice(text[5] === " " ? 6 : 5));
    else if (text === "data") data.push("");
  };
  const takeEvent = (): SseEvent => {
    const taken = { data: data.join("\n"), bytes: joined(event) };
    event = [];
    data = [];
    return taken;
  };

  return {
    push(bytes) {
      const events: SseEvent[] = [];
      let start = 0;
      let eventStart = 0;
      for (let at = 0; at < bytes.length; at++) {
        const byte = bytes[at];
        const isSecondHalf = afterCr && byte === LF;
        afterCr = byte === CR;
        if (isSecondHalf) {
          start = at + 1;
          continue;
        }
        if (byte !== LF && byte !== CR) continue;
        const isBlank = at === start && line.length === 0;
        line.push(bytes.slice(start, at));
        takeLine();
        start = at + 1;
        if (!isBlank) continue;
        event.push(bytes.slice(eventStart, at + 1));
        eventStart = at + 1;
        events.push(takeEvent());
      }
      if (start < bytes.length) line.push(bytes.slice(start));
      if (eventStart < bytes.length) event.push(bytes.slice(eventStart));
      return events;
    },
    end() {
      takeLine();
      return event.length === 0 ? [] : [takeEvent()];
    },
  };
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
