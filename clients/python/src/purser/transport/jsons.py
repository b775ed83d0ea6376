"""Reads JSON that may have any form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def parse_object(text: str | bytes) -> Json | None:
    """Parses a JSON object. None if the text is not one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def object_at(value: Any, key: str) -> Json | None:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else None


def list_at(value: Any, key: str) -> list[Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, list) else []


def text_at(value: Any, key: str) -> str:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else ""


def count_at(value: Any, key: str) -> int | None:
    """An integer of at least 0. None for anything else: the provider refuses it or ignores it."""
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, int) and not isinstance(inner, bool) and 0 <= inner < 2**53 else None


def pick(value: Json, keys: Iterable[str]) -> Json:
    """These fields of an object, except absent and null ones."""
    return {key: value[key] for key in keys if value.get(key) is not None}


def omit(value: Json, keys: Iterable[str]) -> Json:
    """An object without these fields and without null fields."""
    dropped = set(keys)
    return {key: inner for key, inner in value.items() if key not in dropped and inner is not None}
