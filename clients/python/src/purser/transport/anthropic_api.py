"""Anthropic's messages, and compatible providers."""

from __future__ import annotations

import re

from .api import Api, Known, Output, Prompt, WorstCase, billed
from .jsons import Json, count_at, list_at, object_at, omit, pick, text_at
from .prompt import message_of, settings_message

_SETTINGS = ["tools", "tool_choice", "output_format", "output_config", "mcp_servers"]


def _worst_case(body: Json) -> WorstCase:
    system = body.get("system")
    messages = [message_of(message) for message in list_at(body, "messages")]
    first = [message_of({"role": "system", "content": system})] if system else []
    prompt = Prompt(messages=(*settings_message(pick(body, _SETTINGS)), *first, *messages))
    return WorstCase(prompt, count_at(body, "max_tokens"))


class _EventReader:
    """message_start has the model and the input. Every message_delta has the counts so far, the last one the final counts.

    If the stream is cut off before the last one, the output received so far is counted instead.
    """

    def __init__(self) -> None:
        self._output = Output()
        self._message: Json | None = None
        self._usage: Json = {}
        self._complete = False

    def read(self, event: Json) -> bool:
        at = str(event.get("index"))
        kind = text_at(event, "type")
        if kind == "message_start":
            self._message = billed(object_at(event, "message") or {})
            self._usage = object_at(self._message, "usage") or {}
        elif kind == "message_delta":
            usage = object_at(event, "usage")
            self._usage = {**self._usage, **omit(usage or {}, [])}
            self._complete = usage is not None
        elif kind == "content_block_start":
            self._output.add(at, text_at(event.get("content_block"), "name"))
        elif kind == "content_block_delta":
            for key in ("text", "thinking", "partial_json"):
                self._output.add(at, text_at(event.get("delta"), key))
        return False

    def known(self) -> Known:
        if self._message is None:
            return Known()
        return Known(self._with_usage({}) if self._complete else None, self._output.text(), self._so_far)

    def _so_far(self, output_tokens: int) -> Json:
        return self._with_usage(
            {"output_tokens": max(output_tokens, count_at(self._usage, "output_tokens") or 0)}
        )

    def _with_usage(self, more: Json) -> Json:
        return {**(self._message or {}), "type": "message", "usage": {**self._usage, **more}}


MESSAGES = Api(re.compile(r"/messages$"), "messages", _worst_case, _EventReader)
