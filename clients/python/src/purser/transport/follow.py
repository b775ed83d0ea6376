"""Reads an answer while its bytes are passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .api import OUTPUT_CHARACTERS_MAX, Known, StreamReader, known_of
from .jsons import parse_object
from .sse import SseEvent, SseReader

# Longer answers are not kept. An answer that is not a stream can only be read as a whole.
_KEPT_BYTES_MAX = 64 * 1024 * 1024


class Follower(Protocol):
    """Takes the bytes of an answer and returns the bytes to pass on."""

    def push(self, piece: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The rest of the bytes to pass on, when the answer has ended."""

    def known(self) -> Known | None:
        """The usage known so far. None if the answer cannot be read at all."""


class StreamFollower:
    """Server-sent events. `hides_usage` hides only the events that contain nothing but the usage."""

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
        # A cut-off answer: count the text received. A complete answer that is not JSON cannot be read.
        seen = self._body[:OUTPUT_CHARACTERS_MAX].decode("utf-8", "replace")
        return None if self._ended else Known(output=seen)


class UnreadableFollower:
    """A compressed answer, although the request did not accept compression."""

    def push(self, piece: bytes) -> bytes:
        return piece

    def end(self) -> bytes:
        return b""

    def known(self) -> Known | None:
        return None
