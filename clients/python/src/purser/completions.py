"""A provider's response as the plain JSON that Purser reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2


def completion_json(completion: Any) -> dict[str, Any]:
    """The JSON object of a response: LiteLLM's ModelResponse, an object of the OpenAI or Anthropic SDK, or a dict.

    Raises TypeError for anything else.
    """
    return plain_json("completion_obj", completion)


def plain_json(name: str, value: Any) -> dict[str, Any]:
    """An SDK's object or a dict, as a dict. `name` is the parameter's name, for the error. Raises TypeError."""
    plain = _plain(value)
    if not isinstance(plain, Mapping):
        raise TypeError(f"{name}: must be a dict, or an SDK's object, not {type(value).__name__}")
    return dict(plain)


def struct_of(name: str, value: Mapping[str, Any]) -> struct_pb2.Struct:
    """JSON as google.protobuf.Struct. Raises ValueError for a value that JSON does not have, and for too deep nesting."""
    try:
        text = json.dumps(value, allow_nan=False, default=_inner)
        return json_format.Parse(text, struct_pb2.Struct())
    except (TypeError, ValueError, RecursionError, json_format.ParseError) as error:
        raise ValueError(f"{name}: is not JSON: {error}") from error


def _inner(value: Any) -> Any:
    plain = _plain(value)
    if plain is value:
        raise TypeError(f"it holds a {type(value).__name__}")
    return plain


def _plain(value: Any) -> Any:
    """Pydantic models (version 1 or 2) and mappings as dicts. Anything else is returned unchanged."""
    if isinstance(value, type):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json", exclude_none=True, warnings=False)
    if callable(dump := getattr(value, "dict", None)):
        return dump()
    return value
