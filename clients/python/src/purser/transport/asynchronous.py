"""The transport for AsyncClient of httpx and httpx2."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

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

T = TypeVar("T")


class AsyncBudgetTransport(AnyTransport):
    """Charges calls to models to a budget: `httpx.AsyncClient(transport=...)` or `httpx2.AsyncClient(transport=...)`.

    BudgetTransport describes the options. Purser is called in threads, so the event loop is never blocked.
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

    async def handle_async_request(self, request: Any) -> Any:
        try:
            paid, sent = await self._opened(request)
        except PurserError as error:
            return refuse(error, request)
        send = self._inner(request).handle_async_request
        if paid is None:
            return await send(sent)
        try:
            response = await send(sent)
        except BaseException as error:
            # A cancelled caller must not wait, so the background thread ends the call.
            self._payer.queue.keep(partial(paid.failed, error))
            raise
        return await self._followed(response, paid, library_of(request))

    async def flush(self, timeout: float | None = None) -> None:
        """Waits for the charges in progress and retries those that wait for Purser.

        Raises PurserUnavailableError if some still wait. A program that ends without it waits up to 5 seconds for them.
        """
        await _in_thread(lambda: self._payer.queue.flush(timeout))

    async def aclose(self) -> None:
        """Flushes, and closes the inner transport."""
        try:
            await self.flush()
        finally:
            self._payer.queue.stop()
            if self._transport is not None:
                await self._transport.aclose()

    async def __aenter__(self) -> AsyncBudgetTransport:
        return self

    async def __aexit__(
        self,
        _type: type[BaseException] | None = None,
        _error: BaseException | None = None,
        _traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    def _inner(self, request: Any) -> Any:
        if self._transport is None:
            self._transport = library_of(request).AsyncHTTPTransport()
        return self._transport

    async def _opened(self, request: Any) -> tuple[PaidCall | None, Any]:
        """Opens the hold of a request. Returns the call, None if it is not one, and the request to send."""
        options, path = self._payer.options, request.url.path
        api = api_of(request.method, path)
        if api is None:
            if options.on_unknown == "refuse" and may_name_model(request.method, path):
                refuse_model(path, await request.aread())
            return None, request
        call = read_call(api, path, await request.aread(), options)
        if call is None:
            return None, request
        paid = PaidCall(self._payer, call)
        try:
            await _in_thread(paid.open)
        except BaseException:
            # The thread may still open the hold, although the caller was cancelled. It must then be released.
            self._payer.queue.keep(lambda: paid.failed(None))
            raise
        return paid, outgoing(request, call)

    async def _followed(self, response: Any, paid: PaidCall, library: Any) -> Any:
        follower = paid.follow(response.status_code, response.headers)
        if follower is None:
            await self._ended(lambda: paid.not_followed(response.status_code))
        elif response.is_stream_consumed:
            # A transport that already has the answer, such as a cache, delivers it in one piece.
            follower.push(response.content)
            follower.end()
            await self._ended(paid.answered)
        else:
            made = class_for(_FollowedStream, library, "AsyncByteStream")
            response.stream = made(response.stream, follower, lambda: self._ended(paid.answered))
        return response

    async def _ended(self, end: Callable[[], None]) -> None:
        """Ends the call. Several paths may call this; the first one ends it."""
        try:
            await _in_thread(end)
        except BaseException:
            self._payer.queue.keep(end)
            raise


class _FollowedStream:
    """The bytes of an answer, read only as fast as the caller reads."""

    def __init__(self, stream: Any, follower: Follower, on_end: Callable[[], Any]) -> None:
        self._stream = stream
        self._follower = follower
        self._on_end = on_end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._stream:
                shown = self._follower.push(piece)
                if shown:
                    yield shown
            last = self._follower.end()
            if last:
                yield last
        finally:
            await self._on_end()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._on_end()


async def _in_thread(work: Callable[[], T]) -> T:
    # Both libraries depend on anyio. Only this function needs it.
    from anyio import to_thread

    return await to_thread.run_sync(work)
