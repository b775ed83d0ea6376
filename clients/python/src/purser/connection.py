"""A connection to a Purser server: its address, its key, its retries."""

from __future__ import annotations

import copy
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, ClassVar, Literal, TypeVar, Union
from urllib.parse import urlsplit

import grpc

from .errors import PurserError, PurserUnavailableError, RateExceededError, error_from_rpc

Self = TypeVar("Self", bound="Connection")
#: Which calls are retried: all, none, or only those above a limit of the key.
Repeats = Union[bool, Literal["limited"]]

DEFAULT_ADDRESS = "http://127.0.0.1:50051"
_TIMEOUT_S_MAX = 86_400
_PAUSE_S_FIRST = 0.05
_PAUSE_S_MAX = 1.0
_CHANNEL_OPTIONS = [
    # With gRPC's own values, a client finds a restarted server only after a minute or two.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A page of 1,000 budgets may be larger than gRPC's limit of 4 MiB.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
]
# gRPC sets these headers itself. Users of LiteLLM pass them for REST.
_HEADERS_OF_HTTP = {"content-type", "accept", "host", "user-agent", "te"}
# The syntax of a bearer token. It excludes spaces, line breaks and the word "Bearer" before the key.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)

_PASSING: dict[Repeats, tuple[type[PurserError], ...]] = {
    True: (PurserUnavailableError, RateExceededError),
    "limited": (RateExceededError,),
    False: (),
}


class Connection:
    """The part that the clients of all services have in common. It is safe to use from several threads."""

    #: The generated stub of the service.
    _stub_type: ClassVar[type[Any]]

    def __init__(
        self,
        address: str | None = None,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self._timeout = _checked(timeout)
        self._passing = _PASSING[True]
        self._metadata = _metadata(api_key, headers or {})
        self._channel = _channel(address or os.environ.get("PURSER_ADDRESS") or DEFAULT_ADDRESS, ca_file)
        #: The generated stub, for calls with their own options.
        self.stub: Any = self._stub_type(self._channel)

    def with_options(self: Self, *, timeout: float | None = None, repeats: Repeats = True) -> Self:
        """A client on the same connection, with another timeout if given. With `repeats=False` it does not retry.

        With `repeats="limited"` it retries calls above a limit of the key, and no others.
        """
        other = copy.copy(self)
        other._timeout = self._timeout if timeout is None else _checked(timeout)
        other._passing = _PASSING[repeats]
        return other

    def close(self) -> None:
        """Closes the connection. Calls in progress end with an error."""
        self._channel.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _repeated(self, method: Callable[..., Any], request: Any) -> Any:
        deadline = time.monotonic() + self._timeout
        for pause_s in _pauses():
            try:
                return self._once(method, request, deadline - time.monotonic())
            except (PurserUnavailableError, RateExceededError) as error:
                wait_s = max(pause_s, error.retry_after_s)
                if not isinstance(error, self._passing) or time.monotonic() + wait_s >= deadline:
                    raise
            time.sleep(wait_s)
        raise AssertionError("pauses have no end")

    def _once(self, method: Callable[..., Any], request: Any, timeout_s: float | None = None) -> Any:
        try:
            return method(request, timeout=timeout_s or self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise error_from_rpc(error, user=getattr(request, "user", "")) from error


def _metadata(api_key: str | None, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of every call, with the key among them. The key appears in no error message."""
    metadata = [(name.lower(), value) for name, value in headers.items()]
    metadata = [(name, value) for name, value in metadata if name not in _HEADERS_OF_HTTP]
    has_authorization = any(name == "authorization" for name, _ in metadata)
    if api_key and has_authorization:
        raise ValueError("api_key: cannot be used with a header `authorization`")
    # The environment is for programs that say nothing themselves.
    key, name = (api_key, "api_key") if api_key else (os.environ.get("PURSER_KEY"), "PURSER_KEY")
    if not key or has_authorization:
        return metadata
    if not isinstance(key, str) or not _TOKEN.fullmatch(key):
        raise ValueError(
            f"{name}: must be a key such as pk_..., without spaces, line breaks or other characters"
        )
    return [*metadata, ("authorization", f"Bearer {key}")]


def _checked(timeout: float) -> float:
    if not 0 < timeout <= _TIMEOUT_S_MAX:
        raise ValueError(f"timeout: must be more than 0 and at most {_TIMEOUT_S_MAX} seconds, not {timeout}")
    return timeout


def _pauses() -> Iterator[float]:
    """Pauses before the next attempts, in seconds. They double and are randomized, so that callers do not retry together."""
    longest = _PAUSE_S_FIRST
    while True:
        yield longest * random.uniform(0.5, 1.0)
        longest = min(longest * 2, _PAUSE_S_MAX)


def _channel(address: str, ca_file: str | os.PathLike[str] | None) -> grpc.Channel:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
        raise ValueError(f"address: must look like {DEFAULT_ADDRESS}, not {address!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.scheme == "http":
        if ca_file is not None:
            raise ValueError("ca_file: cannot be used with an http address")
        return grpc.insecure_channel(f"{host}:{parts.port or 80}", options=_CHANNEL_OPTIONS)
    roots = None if ca_file is None else Path(ca_file).read_bytes()
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return grpc.secure_channel(f"{host}:{parts.port or 443}", credentials, options=_CHANNEL_OPTIONS)
