"""Converts a request's prompt to messages that the server can count.

Text and images stay text and images. Anything else becomes the text of its JSON, which has more tokens than the provider
bills.
"""

from __future__ import annotations

import json
from typing import Any

from .jsons import Json, object_at, omit, text_at

# The length of an image that is sent: its size is in its first bytes.
_IMAGE_CHARACTERS_MAX = 128 * 1024
# The maximum length of base64 data: with more, the prompt is longer than any context.
_DATA_CHARACTERS_MAX = 256 * 1024
_TEXT_TYPES = {"text", "input_text", "output_text"}


def message_of(message: Any, role: str = "user") -> Json:
    """A message with its text and images. All its other fields become text."""
    if not isinstance(message, dict):
        return {"role": role, "content": text_of(message)}
    content = message.get("content")
    rest = omit(message, ["role", "content", "type"])
    role = text_at(message, "role") or role
    if isinstance(content, str) and not rest:
        return {"role": role, "content": content}
    return {"role": role, "content": [*_parts_of(content), *([_text_part(rest)] if rest else [])]}


def settings_message(settings: Json) -> list[Json]:
    """A message with the rest of the prompt, such as tools and the answer's schema. Empty if there is none."""
    return [{"role": "system", "content": text_of(settings)}] if settings else []


def text_of(value: Any) -> str:
    """Any JSON value as text to be counted."""
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
    # Tool results have their own content parts, which may be images.
    if isinstance(part.get("content"), list):
        return [_text_part(omit(part, ["content"])), *_parts_of(part["content"])]
    return [_text_part(part)]


def _text_part(value: Any) -> Json:
    return {"type": "text", "text": text_of(value)}


def _image_url(part: Json) -> str | None:
    """The URL or data of an image part in any provider's form. None if the part is not an image.

    An image without a URL counts as the largest image.
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
    """Cuts long values without spaces, because they are data."""
    if isinstance(value, dict):
        return {key: _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > _DATA_CHARACTERS_MAX and len(value[:1024].split()) == 1:
        return value[:_DATA_CHARACTERS_MAX]
    return value
