"""How an error of ours gets through an SDK."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ..errors import PurserError

# Sent by the SDKs of OpenAI and Anthropic, with a name of their own for each value.
_SDK_HEADERS = "x-stainless-"
_SDK_ERRORS = (("openai", "OpenAIError"), ("anthropic", "AnthropicError"))


def for_caller(error: PurserError, headers: Mapping[str, str]) -> PurserError:
    """The error for whoever sent a request with these headers.

    The SDKs of OpenAI and Anthropic take what a transport raises for a broken connection: they wait, try again, and wrap
    it in the end. Their own errors they pass on at once, as they are; so an error for them is one of theirs as well.
    """
    if not any(name.lower().startswith(_SDK_HEADERS) for name in headers):
        return error
    modules = ((sys.modules.get(module), name) for module, name in _SDK_ERRORS)
    bases = tuple(getattr(module, name) for module, name in modules if hasattr(module, name))
    # Classes can be hashed, whatever mypy makes of it.
    variant = _variant(type(error), bases)  # type: ignore[arg-type]
    made = variant.__new__(variant, *error.args)
    made.__dict__.update(error.__dict__)
    made.__cause__ = error.__cause__
    return made


@cache
def _variant(plain: type[PurserError], bases: tuple[type[Exception], ...]) -> type[PurserError]:
    return type(plain.__name__, (plain, *bases), {"__module__": plain.__module__, "__doc__": plain.__doc__})
