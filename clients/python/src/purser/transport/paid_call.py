"""A call from its hold to its charge. Both transports use it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from ..client import Client
from ..errors import PurserUnavailableError
from .api import Known
from .charge import Made, charge_held, charge_known
from .follow import BodyFollower, Follower, StreamFollower, UnreadableFollower
from .hold import Account, Hold, open_hold, release
from .options import Options, User
from .queue import ChargeQueue
from .request import Call

# Names of httpx's errors for calls that failed before the request was sent.
_UNSENT = {
    *("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"),
    *("UnsupportedProtocol", "InvalidURL", "LocalProtocolError"),
}


class Payer:
    """The budget, options and queue that all calls of a transport share."""

    def __init__(self, client: Client, project: str, user: User, options: Options) -> None:
        self._client = client.with_options(timeout=options.timeout)
        self._project = project
        self._user = user
        self.options = options
        self.queue = ChargeQueue(options.queue_max, options.on_lost)

    def account(self) -> Account:
        return Account(self._client, self._project, self._user() if callable(self._user) else self._user)


class PaidCall:
    """One call to be paid. `open` must be called first. The methods may block and are safe to call from any thread."""

    def __init__(self, payer: Payer, call: Call) -> None:
        self._payer = payer
        self._call = call
        self._account = payer.account()
        self._hold: Hold | None = None
        self._follower: Follower | None = None
        self._ended = False
        # `open` keeps the lock until it has the hold, so that ending the call sees the hold.
        self._lock = threading.Lock()

    def open(self) -> None:
        """Holds the worst case. Raises PurserError."""
        with self._lock:
            if not self._ended:
                self._hold = self._opened()

    def follow(self, status: int, headers: Mapping[str, str]) -> Follower | None:
        """Returns the reader of the answer. None if the answer costs nothing or is fetched later."""
        if not 200 <= status < 300 or self._call.in_background:
            return None
        if headers.get("content-encoding", "identity") != "identity":
            self._follower = UnreadableFollower()
        elif headers.get("content-type", "").lower().startswith("text/event-stream"):
            self._follower = StreamFollower(self._call.api.stream_reader(), self._call.hides_usage)
        else:
            self._follower = BodyFollower()
        return self._follower

    def answered(self) -> None:
        """Charges the known usage when the answer is complete, cut off or abandoned. Raises nothing."""
        if self._follower is not None:
            self._end(self._follower.known())

    def not_followed(self, status: int) -> None:
        """Ends a call without a reader: an answer fetched later is charged in full, any other costs nothing."""
        if 200 <= status < 300:
            self._end(None)
        else:
            self._end_unspent()

    def failed(self, error: BaseException | None) -> None:
        """Ends a call without an answer. If the request may have been sent, its prompt is charged. Raises nothing.

        `error` is the transport's error. None if the request was never given to the transport.
        """
        names = {cls.__name__ for cls in type(error).__mro__}
        if error is None or names & _UNSENT:
            self._end_unspent()
        else:
            self._end(Known())

    def _opened(self) -> Hold:
        if self._payer.queue.is_full:
            waiting = self._payer.options.queue_max
            raise PurserUnavailableError(
                f"the call was not made: {waiting} charges are already waiting for Purser"
            )
        return open_hold(self._account, self._call, self._payer.options)

    def _ending(self) -> Hold | None:
        """Returns the hold to the first caller that ends the call. None to later callers."""
        with self._lock:
            hold = None if self._ended else self._hold
            self._ended = True
            return hold

    def _end_unspent(self) -> None:
        hold = self._ending()
        if hold is not None:
            release(self._account, hold.reservation_id)

    def _end(self, known: Known | None) -> None:
        hold = self._ending()
        if hold is None:
            return
        call = self._call
        reported = self._payer.options.use_reported_cost
        made = Made(self._account, hold, call.model, call.worst_case.prompt, reported)
        self._payer.queue.run(lambda: charge_held(made) if known is None else charge_known(made, known))
