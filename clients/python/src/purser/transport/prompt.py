"""A request's prompt as messages that the server can count, whatever they hold.

Text and images count as what they are, anything else as the text of its JSON, which is more than a provider makes of it.
"""

from __future__ import annotations

import json
from typing import Any

from .jsons import Json, object_at, omit, text_at

# A picture's size is in its first bytes.
_IMAGE_CHARACTERS_MAX = 128 * 1024
# More of a file's base64 says nothing: its tokens are more than a context holds.
_DATA_CHARACTERS_MAX = 256 * 1024
_TEXT_TYPES = {"text", "input_text", "output_text"}


def message_of(message: Any, role: str = "user") -> Json:
    """A message: its text and images, and all its other fields as text."""
    if not isinstance(message, dict):
        return {"role": role, "content": text_of(message)}
    content = message.get("content")
    rest = omit(message, ["role", "content", "type"])
    role = text_at(message, "role") or role
    if isinstance(content, str) and not rest:
        return {"role": role, "content": content}
    return {"role": role, "content": [*_parts_of(content), *([_text_part(rest)] if rest else [])]}


def settings_message(settings: Json) -> list[Json]:
    """What goes into a prompt beside the messages: tools, the schema of the answer. None where there is none of it."""
    return [{"role": "system", "content": text_of(settings)}] if settings else []


def text_of(value: Any) -> str:
    """Any JSON value as the text to count."""
    return value if isinstance(value, str) else json.dumps(_shortened(value), ensure_ascii=False)


def _parts_of(content: Any) -> list[Json]:
    if content is None:
        return []
    if not isinstance(content, list):
        return [_text_part(content)]
    return [counted for part in content for counted in _part_of(part)]


def _part_of(part: Any) -> list[Json]:
    if not isinstance(part, dict):
        return [_text_part(part)]
    url = _image_url(part)
    if url is not None:
        detail = text_at(part, "detail") or text_at(part.get("image_url"), "detail")
        image = {"url": url[:_IMAGE_CHARACTERS_MAX], **({"detail": detail} if detail else {})}
        return [{"type": "image_url", "image_url": image}]
    if part.get("type") in _TEXT_TYPES and isinstance(part.get("text"), str):
        return [_text_part(part["text"])]
    # Results of tools have parts of their own, with images among them.
    if isinstance(part.get("content"), list):
        return [_text_part(omit(part, ["content"])), *_parts_of(part["content"])]
    return [_text_part(part)]


def _text_part(value: Any) -> Json:
    return {"type": "text", "text": text_of(value)}


def _image_url(part: Json) -> str | None:
    """The address or the data of an image in the form of any provider; None for a part that is none.

    One without an address counts as the largest.
    """
    kind = part.get("type")
    if kind == "image_url":
        return text_at(part.get("image_url"), "url") or text_at(part, "image_url") or "image:"
    if kind == "input_image":
        return text_at(part, "image_url") or "image:"
    if kind != "image":
        return None
    source = object_at(part, "source")
    data = text_at(source, "data")
    return f"data:{text_at(source, 'media_type')};base64,{data}" if data else "image:"


def _shortened(value: Any) -> Any:
    """Long values without any space are data, and are cut."""
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > _DATA_CHARACTERS_MAX and len(value[:1024].split()) == 1:
        return value[:_DATA_CHARACTERS_MAX]
    return value
