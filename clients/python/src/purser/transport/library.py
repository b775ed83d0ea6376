"""Supports httpx and httpx2: the same library under two names. Either may be missing; each accepts only its own objects."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from .request import Call

_NAMES = ("httpx", "httpx2")

if TYPE_CHECKING:
    # For type checkers, a transport is compatible with both libraries.
    AnyTransport: Any = Any
else:
    AnyTransport = object


def library_of(request: Any) -> Any:
    """The module of a request's class."""
    roots = (cls.__module__.partition(".")[0] for cls in type(request).__mro__)
    name = next((root for root in roots if root in _NAMES), None)
    if name is None:
        raise TypeError(f"request: must be one of httpx or httpx2, not {type(request)!r}")
    return importlib.import_module(name)


@cache
def class_for(mixin: type[Any], library: Any, base: str) -> type[Any]:
    """A class that adds the library's own base class, because the library checks for it."""
    return type(mixin.__name__, (mixin, getattr(library, base)), {"__module__": mixin.__module__})


def outgoing(request: Any, call: Call) -> Any:
    """The request to send for a call. It refuses compression, because the answer is read while it is passed on."""
    headers = request.headers.copy()
    headers["accept-encoding"] = "identity"
    headers.pop("transfer-encoding", None)
    headers["content-length"] = str(len(call.content))
    return type(request)(
        request.method, request.url, headers=headers, content=call.content, extensions=request.extensions
    )
