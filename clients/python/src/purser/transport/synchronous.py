"""The transport for Client of httpx and httpx2."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..client import Client
from ..errors import PurserError
from .follow import Follower
from .library import AnyTransport, class_for, library_of, outgoing
from .options import OptionNames, Options, User
from .paid_call import PaidCall, Payer
from .request import api_of, may_name_model, read_call, refuse_model
from .surface import refuse

if TYPE_CHECKING:
    from typing_extensions import Unpack


class BudgetTransport(AnyTransport):
    """Charges calls to models to a budget: `httpx.Client(transport=...)` or `httpx2.Client(transport=...)`.

    It holds the maximum cost of a call before it sends the call, reads the usage from the answer on its way to the caller,
    and charges it. Raises BudgetExceededError if the maximum cost does not fit. Requests that do not call a model pass
    unchanged. Calls to models are changed in two ways: they ask for the usage of streams, and the transport hides the
    event with it; and they ask for answers without compression.

    - `client`, `project`, `user`: the budget that pays. `user` may be a function, which is called for each call.
    - `transport`: the transport that sends the requests. Default: the library's own. It is closed with this one.
    - `on_unavailable`: while Purser cannot be reached, "fail" the call, or "allow" it and charge it later. Default: "fail".
    - `queue_max`: the maximum number of charges that wait for Purser. When it is reached, all calls fail. Default: 1000.
    - `on_lost`: called with the error of a lost charge: Purser refused it, for example because the key was revoked; or the
      program ended before it was made. Default: logs it to the logger `purser`.
    - `timeout`: the time limit for Purser's answer, in seconds. Default: 5.
    - `hold`: a timedelta: how long a hold lasts if its call is never charged, because its process died. Default: 15
      minutes.
    - `on_expiry`: how such a hold ends: "release" it, or "charge" it in full. Default: "release".
    - `stream_usage`: whether to ask for the usage of streams with `stream_options`. Set False for providers that refuse
      it. Default: True.
    - `on_unknown`: requests that name a model on an unknown path: "pass" them without a budget, or "refuse" them.
      Default: "pass".
    - `use_reported_cost`: whether to charge the cost that the answer reports, as OpenRouter's does. Default: False.
    """

    def __init__(
        self,
        client: Client,
        *,
        project: str,
        user: User,
        transport: Any = None,
        **options: Unpack[OptionNames],
    ) -> None:
        self._payer = Payer(client, project, user, Options(**options))
        self._transport = transport

    def handle_request(self, request: Any) -> Any:
        try:
            paid, sent = self._opened(request)
        except PurserError as error:
            return refuse(error, request)
        send = self._inner(request).handle_request
        if paid is None:
            return send(sent)
        try:
            response = send(sent)
        except BaseException as error:
            paid.failed(error)
            raise
        return _followed(response, paid, library_of(request))

    def flush(self, timeout: float | None = None) -> None:
        """Waits for the charges in progress and retries those that wait for Purser.

        Raises PurserUnavailableError if some still wait. A program that ends without it waits up to 5 seconds for them.
        """
        self._payer.queue.flush(timeout)

    def close(self) -> None:
        """Flushes, and closes the inner transport."""
        try:
            self.flush()
        finally:
            self._payer.queue.stop()
            if self._transport is not None:
                self._transport.close()

    def __enter__(self) -> BudgetTransport:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None = None,
        _error: BaseException | None = None,
        _traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def _inner(self, request: Any) -> Any:
        if self._transport is None:
            self._transport = library_of(request).HTTPTransport()
        return self._transport

    def _opened(self, request: Any) -> tuple[PaidCall | None, Any]:
        """Opens the hold of a request. Returns the call, None if it is not one, and the request to send."""
        options, path = self._payer.options, request.url.path
        api = api_of(request.method, path)
        if api is None:
            if options.on_unknown == "refuse" and may_name_model(request.method, path):
                refuse_model(path, request.read())
            return None, request
        call = read_call(api, path, request.read(), options)
        if call is None:
            return None, request
        paid = PaidCall(self._payer, call)
        paid.open()
        return paid, outgoing(request, call)


class _FollowedStream:
    """The bytes of an answer, read only as fast as the caller reads."""

    def __init__(self, stream: Any, follower: Follower, paid: PaidCall) -> None:
        self._stream = stream
        self._follower = follower
        self._paid = paid

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._stream:
                shown = self._follower.push(piece)
                if shown:
                    yield shown
            last = self._follower.end()
            if last:
                yield last
        finally:
            self._paid.answered()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._paid.answered()


def _followed(response: Any, paid: PaidCall, library: Any) -> Any:
    follower = paid.follow(response.status_code, response.headers)
    if follower is None:
        paid.not_followed(response.status_code)
    elif response.is_stream_consumed:
        # A transport that already has the answer, such as a cache, delivers it in one piece.
        follower.push(response.content)
        follower.end()
        paid.answered()
    else:
        made = class_for(_FollowedStream, library, "SyncByteStream")
        response.stream = made(response.stream, follower, paid)
    return response
