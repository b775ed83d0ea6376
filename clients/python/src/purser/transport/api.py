"""Types and functions that all endpoints of providers share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Protocol

from .jsons import Json, list_at, pick, text_at
from .prompt import text_of

# The maximum output that the server counts in one call. It is more than a model writes.
OUTPUT_CHARACTERS_MAX = 1024 * 1024


@dataclass(frozen=True)
class Prompt:
    """A prompt to be counted: messages in the JSON of OpenAI's chat completions, or plain text."""

    messages: tuple[Json, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class WorstCase:
    """The maximum cost of a request: the prompt, and the output counted `answers` times."""

    prompt: Prompt
    #: The maximum tokens of one answer. None if the request sets no maximum.
    max_output_tokens: int | None
    answers: int = 1


@dataclass(frozen=True)
class Known:
    """The usage known from an answer, complete or cut off."""

    #: The response (for a stream, its last event) without the written texts. None if it had no usage.
    completion: Json | None = None
    #: The output received, to be counted if `completion` does not count it.
    output: str = ""
    #: Builds a completion from the usage received before a stream was cut off, with the tokens of the output so far.
    with_output_tokens: Callable[[int], Json] | None = None


class StreamReader(Protocol):
    """Reads the events of a stream."""

    def read(self, event: Json) -> bool:
        """Returns whether the event contains nothing but the usage."""

    def known(self) -> Known: ...


@dataclass(frozen=True)
class Api:
    """One endpoint of LLM providers: how to read its requests and answers."""

    #: Matches the end of the URL's path.
    path: re.Pattern[str]
    #: A body field, besides the model, that a request to this endpoint must have.
    needs: str
    worst_case: Callable[[Json], WorstCase]
    stream_reader: Callable[[], StreamReader]
    #: Whether a stream contains its usage only if `stream_options.include_usage` asks for it.
    streams_usage_on_request: bool = False


@dataclass
class Output:
    """Collects the text of an answer from its pieces. Each piece is added to its part of the answer."""

    _parts: dict[str, list[str]] = field(default_factory=dict)
    _characters: int = 0

    def add(self, part: str, piece: Any) -> None:
        if isinstance(piece, str) and piece and self._characters + len(piece) <= OUTPUT_CHARACTERS_MAX:
            self._characters += len(piece)
            self._parts.setdefault(part, []).append(piece)

    def text(self) -> str:
        return "\n".join("".join(pieces) for pieces in self._parts.values())


def billed(response: Json) -> Json:
    """The fields of a response that describe the usage. The written texts do not have to leave the process."""
    searches = [
        pick(item, ["type", "action"])
        for item in list_at(response, "output")
        if text_at(item, "type") == "web_search_call"
    ]
    said = pick(response, ["id", "object", "type", "model", "usage", "service_tier", "x_groq"])
    return {**said, **({"output": searches} if searches else {})}


def known_of(response: Json) -> Known:
    """The usage known from a complete answer. If its usage cannot be read, its text is counted."""
    said = text_of(pick(response, ["choices", "content", "output"]))
    return Known(billed(response), said[:OUTPUT_CHARACTERS_MAX])


def largest(*counts: int | None) -> int | None:
    return max((count for count in counts if count is not None), default=None)
