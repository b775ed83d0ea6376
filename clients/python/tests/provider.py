"""A local server that answers in the formats of LLM providers, and records its requests."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Literal, Union

RESPONSES = Path(__file__).parents[3] / "test" / "fixtures" / "completions"


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass(frozen=True)
class Whole:
    """A complete answer."""

    json: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Streamed:
    """A stream in pieces. It ends normally, is cut off, or ends only when the caller leaves."""

    pieces: Sequence[bytes]
    then: Literal["end", "cut", "wait"] = "end"
    headers: dict[str, str] = field(default_factory=dict)


#: An answer, a cut connection, or no answer at all.
Answer = Union[Whole, Streamed, Literal["cut", "wait"]]


class Provider:
    """Gives the answer that a test has set as `answer`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], Answer] = lambda _: Whole({"error": "no answer was set"}, 500)
        self.closing = threading.Event()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(self.path, headers, self.rfile.read(length))
                provider.received.append(received)
                self._write(provider.answer(received))

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Logs nothing."""

            def _write(self, answer: Answer) -> None:
                if answer == "wait":
                    self._wait()
                elif answer == "cut":
                    self._cut()
                elif isinstance(answer, Whole):
                    body = json.dumps(answer.json).encode()
                    self.send_response(answer.status)
                    headers = {
                        "content-type": "application/json",
                        "content-length": str(len(body)),
                        **answer.headers,
                    }
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    self._stream(answer)

            def _stream(self, answer: Streamed) -> None:
                self.send_response(200)
                headers = {
                    "content-type": "text/event-stream; charset=utf-8",
                    "transfer-encoding": "chunked",
                    **answer.headers,
                }
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in answer.pieces:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                        self.wfile.flush()
                except ConnectionError:
                    return
                if answer.then == "end":
                    self.wfile.write(b"0\r\n\r\n")
                elif answer.then == "cut":
                    self._cut()
                else:
                    self._wait()

            def _cut(self) -> None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

            def _wait(self) -> None:
                provider.closing.wait()
                self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def response(name: str) -> dict[str, Any]:
    """A recorded response of a provider."""
    return json.loads((RESPONSES / f"{name}.json").read_text())


def event(data: Any, name: str = "") -> bytes:
    """A server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"}


def chat_chunk(content: str) -> bytes:
    delta = {"role": "assistant", "content": content}
    return event({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def chat_usage(prompt_tokens: int, completion_tokens: int) -> bytes:
    """The last chunk if the request sets `stream_options.include_usage`."""
    counts = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    return event(
        {**_CHUNK, "choices": [], "usage": {**counts, "total_tokens": prompt_tokens + completion_tokens}}
    )


DONE = event("[DONE]")


def message_events(*texts: str) -> list[bytes]:
    """A stream of Anthropic's messages: 100 input tokens, 40 of them cached, and 30 output tokens."""
    usage = {
        "input_tokens": 60,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 0,
        "output_tokens": 1,
    }
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": [],
    }
    open_end = {"stop_reason": None, "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, **open_end, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {**open_end, "stop_reason": "end_turn"},
            "usage": {"output_tokens": 30},
        },
        {"type": "message_stop"},
    ]
    return [event(each, each["type"]) for each in events]
