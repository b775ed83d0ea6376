"""Reads server-sent events from chunks of bytes, which may be cut at any byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class SseEvent:
    data: str
    #: The original bytes, including the blank line after the event.
    raw: bytes


class SseReader:
    """By the HTML standard, lines end in LF, CR LF or CR, and an empty line ends an event."""

    def __init__(self) -> None:
        self._raw = bytearray()
        # The start of the incomplete line in `_raw`, and the end of the bytes already searched.
        self._line_start = 0
        self._looked_at = 0
        self._data: list[str] = []

    def push(self, piece: bytes) -> list[SseEvent]:
        """Returns the events that these bytes complete."""
        self._raw += piece
        events: list[SseEvent] = []
        while True:
            end = _LINE_END.search(self._raw, self._looked_at)
            if end is None:
                self._looked_at = len(self._raw)
                return events
            # A CR at the end may be the first byte of a CR LF.
            if end.group() == b"\r" and end.end() == len(self._raw):
                self._looked_at = end.start()
                return events
            events += self._take_line(end.start(), end.end())

    def end(self) -> list[SseEvent]:
        """Returns the rest when the bytes have ended: a last event without a blank line, or nothing."""
        events = self._take_line(len(self._raw), len(self._raw)) if self._line_start < len(self._raw) else []
        return events + self._take_event(len(self._raw)) if self._raw else events

    def _take_line(self, line_end: int, next_start: int) -> list[SseEvent]:
        line = bytes(self._raw[self._line_start : line_end]).rstrip(b"\r")
        self._line_start = self._looked_at = next_start
        if not line:
            return self._take_event(next_start)
        # Whole lines are decoded, so a cut inside a character does no harm.
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name == "data":
            self._data.append(value[1:] if value.startswith(" ") else value)
        return []

    def _take_event(self, raw_end: int) -> list[SseEvent]:
        event = SseEvent("\n".join(self._data), bytes(self._raw[:raw_end]))
        del self._raw[:raw_end]
        self._line_start = self._looked_at = 0
        self._data = []
        return [event]
