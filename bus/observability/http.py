"""HTTP: serves `/metrics`, `/healthz` and `/readyz` of one process on threads of their own.

The threads answer also while the event loop is blocked. Limits: eight connections at a time, five
seconds to send a request, and the header size that `http.server` accepts.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from bus.observability.health import Health
from schemas.problem import AxisError
from schemas.term import foreign, of_os, term

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

AT_ONCE = 8
_SECONDS_TO_SPEAK = 5.0
_LOOK_SECONDS = 0.1
"""How often the server checks whether it must end."""
_JSON = ("Content-Type", "application/json; charset=utf-8")

_Answer = tuple[str, list[tuple[str, str]], bytes]


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS_TO_SPEAK

    def log_message(self, *_: object) -> None:
        """Log nothing: a request comes every few seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    _free = threading.BoundedSemaphore(AT_ONCE)

    def server_bind(self) -> None:
        # The method of `HTTPServer` would look up a host name that nobody reads.
        TCPServer.server_bind(self)
        self.server_name = "lienthong"
        self.server_port = self.socket.getsockname()[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, *_: object) -> None:
        """Ignore a client that closes its connection early."""


@contextmanager
def serving(health: Health, *, host: str, port: int) -> Iterator[str]:
    """Serve until the exit; gives the URL.

    Args:
        port: 0 takes a free one.

    Raises:
        ConfigurationError: E_SETTING: the address cannot be used.
    """
    try:
        server = make_server(host, port, _application(health), _Server, handler_class=_Handler)
    except (OSError, OverflowError) as error:
        cause = term(
            "setting_at",
            path=f"{host}:{port}",
            why=of_os(error) if isinstance(error, OSError) else foreign(error),
        )
        raise AxisError.of("E_SETTING", name="LIENTHONG_METRICS_PORT", cause=cause) from error
    thread = threading.Thread(
        target=server.serve_forever, args=(_LOOK_SECONDS,), name="metrics", daemon=True
    )
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _application(
    health: Health,
) -> "Callable[[dict[str, Any], StartResponse], Iterable[bytes]]":
    metrics = make_wsgi_app(health.metrics.registry)

    def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            page: Iterable[bytes] = metrics(environ, start_response)
            return page
        status, headers, body = _answer(health, environ["REQUEST_METHOD"], path)
        start_response(status, headers)
        return [body]

    return application


def _answer(health: Health, method: str, path: str) -> _Answer:
    if method != "GET":
        return "405 Method Not Allowed", [("Allow", "GET")], b""
    match path:
        case "/healthz":
            alive = health.is_alive
            return _json("200 OK" if alive else _UNAVAILABLE, {"alive": alive})
        case "/readyz":
            reasons = [reason.model_dump() for reason in health.reasons]
            if not health.is_alive:
                reasons.append({"reason": "loop_stuck", "detail": "the event loop does not turn"})
            status = _UNAVAILABLE if reasons else "200 OK"
            return _json(status, {"ready": not reasons, "reasons": reasons})
        case _:
            return _json("404 Not Found", {"paths": ["/metrics", "/healthz", "/readyz"]})


_UNAVAILABLE = "503 Service Unavailable"


def _json(status: str, value: dict[str, Any]) -> _Answer:
    # A new list, because the server adds to it.
    return status, [_JSON], json.dumps(value, ensure_ascii=False).encode() + b"\n"
