"""A gRPC server in front of Purser that records the calls and loses answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc


class Proxy(grpc.GenericRpcHandler):
    """Forwards each call. Where `lost` has a count for the method, that many answers are lost on their way back."""

    def __init__(self, address: str) -> None:
        #: The methods of the calls, and their metadata, in the order of their arrival.
        self.called: list[str] = []
        self.metadata: list[dict[str, str]] = []
        self.lost: Counter[str] = Counter()
        #: The methods that are not answered until the caller gives up.
        self.silent: set[str] = set()
        #: Is set when a stream has ended, whichever side ended it.
        self.stream_ended = threading.Event()
        self._upstream = grpc.insecure_channel(address.removeprefix("http://"))
        self._server = grpc.server(ThreadPoolExecutor(8), handlers=(self,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._server.stop(None).wait()
        self._upstream.close()

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path: str = handler_call_details.method
        name = path.rpartition("/")[2]
        self.called.append(name)
        self.metadata.append(dict(handler_call_details.invocation_metadata))

        def unary(request: bytes, context: grpc.ServicerContext) -> bytes:
            if name in self.silent:
                given_up = threading.Event()
                context.add_callback(given_up.set)
                given_up.wait()
            try:
                answer = self._upstream.unary_unary(path)(request)
            except grpc.RpcError as error:
                _fail(context, error)
            if self.lost[name] > 0:
                self.lost[name] -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
            return answer

        def stream(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            answers = self._upstream.unary_stream(path)(request)
            context.add_callback(answers.cancel)
            context.add_callback(self.stream_ended.set)
            try:
                yield from answers
            except grpc.RpcError as error:
                _fail(context, error)

        if name.startswith("Watch"):
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)


def _fail(context: grpc.ServicerContext, error: Any) -> NoReturn:
    details = [each for each in error.trailing_metadata() or () if each[0] == "grpc-status-details-bin"]
    context.set_trailing_metadata(details)
    context.abort(error.code(), error.details())
    raise AssertionError("abort raises")
