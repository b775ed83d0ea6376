"""What a request asks of a model."""

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

# The first whose path fits is it, so longer paths come first.
_APIS = (CHAT, RESPONSES, COMPLETIONS, EMBEDDINGS, MESSAGES)
# Endpoints that name a model and cost nothing.
_FREE = re.compile(r"/(?:count_tokens|input_tokens|moderations)$")
# Azure names the model in the path, and need not in the body.
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_FORM_MODEL = re.compile(rb"""name="?model"?[\r\n;]""")


@dataclass(frozen=True)
class Call:
    """A call of a model that is to be paid."""

    api: Api
    model: str
    worst_case: WorstCase
    #: What to send: as it came, but for the question for a stream's usage.
    content: bytes
    #: The stream's usage was asked for here, and its chunk is none of the caller's business.
    hides_usage: bool
    #: The answer is fetched later, by other requests.
    in_background: bool


def api_of(method: str, path: str) -> Api | None:
    """The endpoint that a request goes to, if it is one that is paid."""
    if method.upper() != "POST":
        return None
    path = path.rstrip("/")
    return next((api for api in _APIS if api.path.search(path)), None)


def may_name_model(method: str, path: str) -> bool:
    """Whether a request to no known endpoint may be a call of a model all the same."""
    return method.upper() == "POST" and not _FREE.search(path.rstrip("/"))


def refuse_model(path: str, content: bytes) -> None:
    """Raises InvalidFieldError for a body that names a model, in JSON or in a form."""
    if text_at(parse_object(content), "model") or _FORM_MODEL.search(content):
        raise InvalidFieldError(f"POST {path} names a model, and nobody knows its cost: it was not sent")


def read_call(api: Api, path: str, content: bytes, options: Options) -> Call | None:
    """The call that a body is; None where it is none of this endpoint. Raises InvalidFieldError where it is no JSON."""
    body = parse_object(content)
    if body is None:
        raise InvalidFieldError(
            f"the body of POST {path} is no JSON object, so its cost cannot be known: it was not sent"
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
