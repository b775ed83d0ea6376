"""OpenAI's endpoints, and compatible providers."""

from __future__ import annotations

import re
from typing import Any

from .api import Api, Known, Output, Prompt, WorstCase, billed, largest
from .jsons import Json, count_at, list_at, object_at, pick, text_at
from .prompt import message_of, settings_message, text_of

_CHAT_SETTINGS = ["tools", "functions", "response_format", "web_search_options", "prediction"]
_RESPONSES_SETTINGS = ["instructions", "tools", "text", "prompt"]
_WRITTEN = ["content", "refusal", "reasoning_content", "reasoning"]


def _chat_worst_case(body: Json) -> WorstCase:
    messages = [message_of(message) for message in list_at(body, "messages")]
    return WorstCase(
        Prompt(messages=(*settings_message(pick(body, _CHAT_SETTINGS)), *messages)),
        largest(count_at(body, "max_completion_tokens"), count_at(body, "max_tokens")),
        answers=count_at(body, "n") or 1,
    )


def _completions_worst_case(body: Json) -> WorstCase:
    """Every prompt of a list gets answers, and all `best_of` answers are billed."""
    prompts = _prompts_in(body.get("prompt"))
    each = largest(1, count_at(body, "n"), count_at(body, "best_of")) or 1
    texts = [*prompts, body.get("suffix") or ""]
    return WorstCase(
        Prompt(text=_joined(texts)), count_at(body, "max_tokens"), answers=max(1, len(prompts)) * each
    )


def _embeddings_worst_case(body: Json) -> WorstCase:
    """Embeddings have no billed output."""
    return WorstCase(Prompt(text=_joined(_prompts_in(body.get("input")))), 0)


def _responses_worst_case(body: Json) -> WorstCase:
    given = body.get("input") or ""
    messages = [message_of(item) for item in (given if isinstance(given, list) else [given])]
    settings = settings_message(pick(body, _RESPONSES_SETTINGS))
    return WorstCase(Prompt(messages=(*settings, *messages)), count_at(body, "max_output_tokens"))


def _prompts_in(value: Any) -> list[Any]:
    """A prompt is a text or a list of tokens. A list of these is several prompts."""
    if not isinstance(value, list):
        return [value or ""]
    return [value] if all(isinstance(item, int) for item in value) else value


def _joined(texts: list[Any]) -> str:
    # The server refuses an empty text.
    return "\n".join(map(text_of, texts)) or " "


class _ChunkReader:
    """The chunks of chat completions and of the older completions."""

    def __init__(self) -> None:
        self._output = Output()
        self._last: Json | None = None

    def read(self, event: Json) -> bool:
        choices = list_at(event, "choices")
        for choice in choices:
            self._add_choice(choice)
        if object_at(event, "usage") is None and object_at(event.get("x_groq"), "usage") is None:
            return False
        self._last = billed(event)
        return not choices

    def known(self) -> Known:
        return Known(self._last, self._output.text())

    def _add_choice(self, choice: Any) -> None:
        at = str(choice.get("index")) if isinstance(choice, dict) else ""
        self._output.add(at, text_at(choice, "text"))
        delta = object_at(choice, "delta") or {}
        for key in _WRITTEN:
            self._output.add(f"{at} {key}", delta.get(key))
        for call in [
            *(object_at(each, "function") for each in list_at(delta, "tool_calls")),
            delta.get("function_call"),
        ]:
            self._output.add(f"{at} call", text_at(call, "name"))
            self._output.add(f"{at} call", text_at(call, "arguments"))


class _ResponsesReader:
    """Events of the Responses API. Each names the part that it extends; the last one has the whole response."""

    def __init__(self) -> None:
        self._output = Output()
        self._last: Json | None = None

    def read(self, event: Json) -> bool:
        self._output.add(f"{text_at(event, 'item_id')} {text_at(event, 'type')}", event.get("delta"))
        response = object_at(event, "response")
        if response is not None and object_at(response, "usage") is not None:
            self._last = billed(response)
        return False

    def known(self) -> Known:
        return Known(self._last, self._output.text())


CHAT = Api(re.compile(r"/chat/completions$"), "messages", _chat_worst_case, _ChunkReader, True)
COMPLETIONS = Api(re.compile(r"/completions$"), "prompt", _completions_worst_case, _ChunkReader, True)
EMBEDDINGS = Api(re.compile(r"/embeddings$"), "input", _embeddings_worst_case, _ChunkReader)
RESPONSES = Api(re.compile(r"/responses$"), "model", _responses_worst_case, _ResponsesReader)
