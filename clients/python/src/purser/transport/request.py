"""Reads the call to a model in a request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ..errors import InvalidFieldError
from .anthropic_api import MESSAGES
from .api import Api, WorstCase
from .jsons import Json, object_at, parse_object, text_at
from .openai_apis import CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES
from .options import Options

# The first API whose path matches is used, so longer paths come first.
_APIS = (CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MESSAGES)
# Endpoints that name a model but are free.
_FREE = re.compile(r"/(?:count_tokens|input_tokens|moderations)$")
# Azure has the model in the path; the body may omit it.
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_FORM_MODEL = re.compile(rb"""name="?model"?[\r\n;]""")


@dataclass(frozen=True)
class Call:
    """A call to a model that must be paid."""

    api: Api
    model: str
    worst_case: WorstCase
    #: The body to send: the original one, changed only to ask for a stream's usage.
    content: bytes
    #: This client asked for the stream's usage, so the chunk with the usage is hidden from the caller.
    hides_usage: bool
    #: Later requests will fetch the answer.
    in_background: bool


def api_of(method: str, path: str) -> Api | None:
    """The paid endpoint of a request. None if it goes to another endpoint."""
    if method.upper() != "POST":
        return None
    path = path.rstrip("/")
    return next((api for api in _APIS if api.path.search(path)), None)


def may_name_model(method: str, path: str) -> bool:
    """Whether a request to an unknown endpoint may still be a call to a model."""
    return method.upper() == "POST" and not _FREE.search(path.rstrip("/"))


def refuse_model(path: str, content: bytes) -> None:
    """Raises InvalidFieldError for a body that names a model, in JSON or in a form."""
    if text_at(parse_object(content), "model") or _FORM_MODEL.search(content):
        raise InvalidFieldError(f"POST {path} names a model, but its cost is unknown: it was not sent")


def read_call(api: Api, path: str, content: bytes, options: Options) -> Call | None:
    """The call in a body. None if it is not a call to this endpoint. Raises InvalidFieldError if it is not JSON."""
    body = parse_object(content)
    if body is None:
        raise InvalidFieldError(
            f"the body of POST {path} is not a JSON object, so its cost is unknown: it was not sent"
        )
    deployment = _DEPLOYMENT.search(path)
    model = text_at(body, "model") or (deployment.group(1) if deployment else "")
    if not model or (api.needs not in body and api.needs != "model"):
        return None
    asked = (object_at(body, "stream_options") or {}).get("include_usage") is True
    hides_usage = (
        body.get("stream") is True and options.stream_usage and api.streams_usage_on_request and not asked
    )
    return Call(
        api=api,
        model=model,
        worst_case=api.worst_case(body),
        content=_asking_for_usage(body) if hides_usage else content,
        hides_usage=hides_usage,
        in_background=body.get("background") is True,
    )


def _asking_for_usage(body: Json) -> bytes:
    options = {**(object_at(body, "stream_options") or {}), "include_usage": True}
    return json.dumps({**body, "stream_options": options}, ensure_ascii=False).encode()
