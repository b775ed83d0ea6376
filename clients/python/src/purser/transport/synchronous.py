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
    """Pays calls of models from a budget: for `httpx.Client(transport=...)` or `httpx2.Client(transport=...)`.

    It holds the worst case of a call before anything is sent, reads the usage from the answer while it passes by, and
    charges it. Raises BudgetExceededError where the worst case does not fit. Requests that are no calls of models pass
    untouched. Of the others it changes two things: it asks for the usage of streams, the event with which it keeps to
    itself, and for answers that are not compressed.

    - `client`, `project`, `user`: whose budget pays. A function as `user` is asked at each call.
    - `transport`: what sends the requests; absent, the library's own. It is closed with this one.
    - `on_unavailable`: while Purser cannot be reached, "fail" the call, or "allow" it and charge it later. "fail".
    - `queue_max`: how many charges may wait for Purser. When as many do, calls fail, allowed or not. 1000.
    - `on_lost`: told of a charge that is lost, as Purser refused it or the program ended first. By default the log
      `purser` has it.
    - `timeout`: how many seconds Purser may take to answer. 5.
    - `hold`: a timedelta, how long a hold lasts that is never settled, as its process died. 15 minutes.
    - `on_expiry`: what becomes of such a hold: "release" it, or "charge" it in full. "release".
    - `stream_usage`: whether to ask for the usage of streams with `stream_options`. Off for providers that refuse it. True.
    - `on_unknown`: requests that name a model, on paths that are not known: "pass" them without a budget, or "refuse".
      "pass".
    - `use_reported_cost`: whether to charge what the answer itself says it cost, as OpenRouter's do. False.
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
        """Waits for charges that are under way, and tries those that wait for Purser.

        Raises PurserUnavailableError where some still do. A program that ends without it waits for them 5 seconds.
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
        """The call that a request is, with its hold, and what to send."""
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
    """The bytes of an answer, at the pace of whoever reads them."""

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
        # A transport that has the answer already, such as a cache, gives it in one piece.
        follower.push(response.content)
        follower.end()
        paid.answered()
    else:
        made = class_for(_FollowedStream, library, "SyncByteStream")
        response.stream = made(response.stream, follower, paid)
    return response
