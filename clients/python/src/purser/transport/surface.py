"""How an error of ours gets through an SDK."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import PurserError
from .library import class_for, library_of

# Sent by the SDKs of OpenAI and Anthropic, with a name of their own for each value.
_SDK_HEADERS = "x-stainless-"


def refuse(error: PurserError, request: Any) -> Any:
    """Raises the error; to an SDK it gives an answer that does so.

    The SDKs of OpenAI and Anthropic take what a transport raises for a broken connection: they wait, try again, and wrap
    it in the end. What an answer raises when they look whether it is good, they let through as it is, at once. Should one
    not look, it finds an error of the provider that is not worth another try.
    """
    if not any(name.lower().startswith(_SDK_HEADERS) for name in request.headers):
        raise error
    answer = class_for(_Refusal, library_of(request), "Response")(
        402, headers={"x-should-retry": "false"}, json={"error": {"message": str(error)}}
    )
    answer.purser_error = error
    return answer


class _Refusal:
    """An answer that raises our error where its status is asked for."""

    purser_error: PurserError

    @property
    def is_success(self) -> NoReturn:
        raise self.purser_error

    def raise_for_status(self) -> NoReturn:
        raise self.purser_error
