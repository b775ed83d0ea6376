"""Reading an answer while it passes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .api import OUTPUT_CHARACTERS_MAX, Known, StreamReader, known_of
from .jsons import parse_object
from .sse import SseEvent, SseReader

# A longer answer is not kept; the usage of one that is no stream cannot be read from a part of it.
_KEPT_BYTES_MAX = 64 * 1024 * 1024


class Follower(Protocol):
    """Takes the bytes of an answer, and gives those that are to be passed on."""

    def push(self, piece: bytes) -> bytes: ...

    def end(self) -> bytes:
        """What is left to pass on once all bytes have come."""

    def known(self) -> Known | None:
        """What is known by now. None where the answer cannot be read at all."""


class StreamFollower:
    """Server-sent events. With `hides_usage`, those that say nothing but the usage are kept back, and nothing else is."""

    def __init__(self, reader: StreamReader, hides_usage: bool) -> None:
        self._sse = SseReader()
        self._reader = reader
        self._hides_usage = hides_usage
        self.known: Callable[[], Known | None] = reader.known

    def push(self, piece: bytes) -> bytes:
        shown = self._shown(self._sse.push(piece))
        return shown if self._hides_usage else piece

    def end(self) -> bytes:
        shown = self._shown(self._sse.end())
        return shown if self._hides_usage else b""

    def _shown(self, events: list[SseEvent]) -> bytes:
        return b"".join(
            event.raw for event in events if not (self._says_only_usage(event) and self._hides_usage)
        )

    def _says_only_usage(self, event: SseEvent) -> bool:
        json = parse_object(event.data)
        return json is not None and self._reader.read(json)


class BodyFollower:
    """An answer in one piece."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._ended = False

    def push(self, piece: bytes) -> bytes:
        if len(self._body) <= _KEPT_BYTES_MAX:
            self._body += piece
        return piece

    def end(self) -> bytes:
        self._ended = True
        return b""

    def known(self) -> Known | None:
        response = parse_object(bytes(self._body))
        if response is not None:
            return known_of(response)
        # Cut off, the text of it is what was seen; whole and no JSON, nobody knows what it is.
        seen = self._body[:OUTPUT_CHARACTERS_MAX].decode("utf-8", "replace")
        return None if self._ended else Known(output=seen)


class UnreadableFollower:
    """An answer that was compressed, although nobody asked for that."""

    def push(self, piece: bytes) -> bytes:
        return piece

    def end(self) -> bytes:
        return b""

    def known(self) -> Known | None:
        return None
