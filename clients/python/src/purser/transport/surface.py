"""Passes an error of this client through an SDK."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import PurserError
from .library import class_for, library_of

# Headers with this prefix are only sent by the SDKs of OpenAI and Anthropic.
_SDK_HEADERS = "x-stainless-"


def refuse(error: PurserError, request: Any) -> Any:
    """Raises the error. For an SDK, it returns a response that raises the error.

    The SDKs of OpenAI and Anthropic treat every error of a transport as a broken connection: they retry, and then wrap it.
    But they pass on unchanged what the response raises when they check its status. An SDK that does not check the status
    finds a provider's error that says not to retry.
    """
    if not any(name.lower().startswith(_SDK_HEADERS) for name in request.headers):
        raise error
    answer = class_for(_Refusal, library_of(request), "Response")(
        402, headers={"x-should-retry": "false"}, json={"error": {"message": str(error)}}
    )
    answer.purser_error = error
    return answer


class _Refusal:
    """A response that raises the error when its status is read."""

    purser_error: PurserError

    @property
    def is_success(self) -> NoReturn:
        raise self.purser_error

    def raise_for_status(self) -> NoReturn:
        raise self.purser_error
