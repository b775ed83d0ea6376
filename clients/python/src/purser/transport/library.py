"""httpx and httpx2 are one library under two names, of which either may be missing, and each takes only its own objects."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from .request import Call

_NAMES = ("httpx", "httpx2")

if TYPE_CHECKING:
    # A transport passes for one of either library.
    AnyTransport: Any = Any
else:
    AnyTransport = object


def library_of(request: Any) -> Any:
    """The module whose request this is."""
    roots = (cls.__module__.partition(".")[0] for cls in type(request).__mro__)
    name = next((root for root in roots if root in _NAMES), None)
    if name is None:
        raise TypeError(f"request: must be one of httpx or httpx2, not {type(request)!r}")
    return importlib.import_module(name)


@cache
def class_for(mixin: type[Any], library: Any, base: str) -> type[Any]:
    """A class of ours that the library takes for one of its own, as it asks for."""
    return type(mixin.__name__, (mixin, getattr(library, base)), {"__module__": mixin.__module__})


def outgoing(request: Any, call: Call) -> Any:
    """The request of a call, with its content. The answer must not be compressed, as it is read while it passes by."""
    headers = request.headers.copy()
    headers["accept-encoding"] = "identity"
    headers.pop("transfer-encoding", None)
    headers["content-length"] = str(len(call.content))
    return type(request)(
        request.method, request.url, headers=headers, content=call.content, extensions=request.extensions
    )
