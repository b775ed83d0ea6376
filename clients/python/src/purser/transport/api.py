"""What the endpoints of providers have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Callable, Protocol

from .jsons import Json, list_at, pick, text_at
from .prompt import text_of

# As much output as the server counts; what a model writes is less.
OUTPUT_CHARACTERS_MAX = 1024 * 1024


@dataclass(frozen=True)
class Prompt:
    """What is sent to a model, to be counted: messages in the JSON of OpenAI's chat completions, or else plain text."""

    messages: tuple[Json, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class WorstCase:
    """What a request can cost at worst: the prompt, and up to `answers` times the output."""

    prompt: Prompt
    #: Tokens of one answer, at most. None where the request sets no bound.
    max_output_tokens: int | None
    answers: int = 1


@dataclass(frozen=True)
class Known:
    """What is known of an answer, whole or cut off."""

    #: The response, or of a stream its last event, without what people or models wrote; None where no usage came.
    completion: Json | None = None
    #: The output that was seen, to count where `completion` has no count of it.
    output: str = ""
    #: What came of the usage before the stream was cut, given the tokens of the output so far.
    with_output_tokens: Callable[[int], Json] | None = None


class StreamReader(Protocol):
    """Follows the events of a stream."""

    def read(self, event: Json) -> bool:
        """Returns whether the event says nothing but the usage."""

    def known(self) -> Known: ...


@dataclass(frozen=True)
class Api:
    """One endpoint of LLM providers, and how its requests and answers are read."""

    #: Matches the end of the URL's path.
    path: re.Pattern[str]
    #: What must be in the body beside the model for it to be this endpoint's.
    needs: str
    worst_case: Callable[[Json], WorstCase]
    stream_reader: Callable[[], StreamReader]
    #: Whether a stream has its usage only where `stream_options.include_usage` asks for it.
    streams_usage_on_request: bool = False


@dataclass
class Output:
    """The texts of an answer, as they come in pieces, each under the part of the answer that it belongs to."""

    _parts: dict[str, list[str]] = field(default_factory=dict)
    _characters: int = 0

    def add(self, part: str, piece: Any) -> None:
        if isinstance(piece, str) and piece and self._characters + len(piece) <= OUTPUT_CHARACTERS_MAX:
            self._characters += len(piece)
            self._parts.setdefault(part, []).append(piece)

    def text(self) -> str:
        return "\n".join("".join(pieces) for pieces in self._parts.values())


def billed(response: Json) -> Json:
    """A response as far as it says what was used: what was written need not leave the process."""
    searches = [
        pick(item, ["type", "action"])
        for item in list_at(response, "output")
        if text_at(item, "type") == "web_search_call"
    ]
    said = pick(response, ["id", "object", "type", "model", "usage", "service_tier", "x_groq"])
    return {**said, **({"output": searches} if searches else {})}


def known_of(response: Json) -> Known:
    """What a whole answer says. Where its usage cannot be read, what it says is counted."""
    said = text_of(pick(response, ["choices", "content", "output"]))
    return Known(billed(response), said[:OUTPUT_CHARACTERS_MAX])


def largest(*counts: int | None) -> int | None:
    return max((count for count in counts if count is not None), default=None)
