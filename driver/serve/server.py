"""``myvta serve``: a target offered over TCP to clients that are not trusted.

Loopback by default; any other address needs a token.  Each connection has a thread, with bounds on
bytes, frames and time; only the connection that owns the device touches the target, and only the
registers that :mod:`.served_target` lists.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable

from ...isa.link_protocol import Capability
from ...isa.register_map import Reg, Status
from ..errors import AccessError, BusyError, TargetError, UrlError
from ..target.memory_window import program_window
from ..target.protocol import Target
from ..transport.limits import Limits, RateLimiter
from .client_session import ClientSession, Service
from .ownership import Ownership
from .responder import Responder, link_identity
from .served_target import ServedTarget

__all__ = ["DEFAULT_ADDRESS", "Server", "to_idle"]

DEFAULT_ADDRESS = ("127.0.0.1", 7310)
_IDLE_POLLS = 200
_IDLE_PAUSE = 0.005
_CLOSING_SECONDS = 10.0
_DISMISS_SECONDS = 1.0
_BACKLOG = 128  # connections that the system holds for us


def to_idle(target: Target) -> None:
    """End whatever a client left running; TargetError when the device does not follow."""
    target.write_register(Reg.INTERRUPT_ENABLE, 0)
    for poll in range(_IDLE_POLLS):
        if not target.read_register(Reg.CONTROL) & Status.LAUNCH:
            return
        if poll == 0:
            target.write_register(Reg.RESET, 1)
        else:
            time.sleep(_IDLE_PAUSE)
    raise TargetError("the launch of a client that left does not follow a soft reset")


class Server:
    """Serve a target until :meth:`close`.

    Parameters
    ----------
    target : Target
        Open, and not used otherwise; the caller closes it after the server.
    address : (str, int)
        Host and port; port 0 takes a free one.
    token : bytes or None
        Shared secret; None: no authentication, on loopback only.
    lock : bool
        Set WINDOW_LOCK as well: no user, not even a local one, can move the window until the
        device is reset by wire or loaded again.
    log : callable
        Called with one line of text for each event.

    Attributes
    ----------
    address : (str, int)
        Host and port it listens on.

    Raises
    ------
    UrlError
        Another address than loopback without a token.
    BusyError, AccessError
        The port is taken, or may not be opened.
    TargetError
        The device does not accept the window: it is locked to another one.
    """

    def __init__(
        self, target: Target, address: tuple[str, int] = DEFAULT_ADDRESS, *,
        token: bytes | None = None, limits: Limits | None = None, lock: bool = False,
        log: Callable[[str], None] = lambda line: None,
    ):
        self.limits, self.target, self.log = limits or Limits(), target, log
        to_idle(target)
        program_window(target, "nothing is served")
        if lock:
            target.write_register(Reg.WINDOW_LOCK, 1)
        capabilities = Capability.CLAIM | (Capability.AUTHENTICATE if token else 0)
        payload, window = self.limits.payload, self.limits.window
        self._stop = threading.Event()
        self._service = Service(
            link_identity(target, payload, window, capabilities),
            Responder(ServedTarget(target), payload, window),
            Ownership(), self.limits, token, self._stop, log,
        )
        self._listener = _listen(address, token)
        self._listener.settimeout(0.2)
        host, port = self._listener.getsockname()[:2]
        self.address = str(host), int(port)
        self._sessions: dict[ClientSession, threading.Thread] = {}
        self._guard = threading.Lock()
        self._accepting = threading.Thread(target=self._accept, name="accept", daemon=True)
        self._accepting.start()

    @property
    def clients(self) -> int:
        """Connections open now."""
        with self._guard:
            return len(self._sessions)

    def close(self) -> None:
        """Stop listening, end all connections, bring the device to idle."""
        self._stop.set()
        self._accepting.join(_CLOSING_SECONDS)
        self._listener.close()
        with self._guard:
            threads = list(self._sessions.values())
        until = time.monotonic() + _CLOSING_SECONDS
        for thread in threads:
            thread.join(max(until - time.monotonic(), 0))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _accept(self) -> None:
        rate = RateLimiter(self.limits.per_second)
        while not self._stop.is_set():
            try:
                connection, peer = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:  # out of file descriptors, a peer gone before it came in
                self.log(f"cannot accept a connection: {error}")
                time.sleep(0.05)
                continue
            name = f"{peer[0]}:{peer[1]}"
            if self._room():
                self._begin(connection, name)
            else:
                self.log(f"{name}: too many connections")
                connection.close()
            self._stop.wait(rate.take())

    def _room(self) -> bool:
        """Tell whether one more can be open, having closed the oldest that has not claimed."""
        with self._guard:
            if len(self._sessions) < self.limits.connections:
                return True
            oldest = next((session for session in self._sessions if session.unsettled), None)
            thread = None if oldest is None else self._sessions[oldest]
        if oldest is None or thread is None:
            return False
        oldest.dismiss()
        thread.join(_DISMISS_SECONDS)
        return self.clients < self.limits.connections

    def _begin(self, connection: socket.socket, name: str) -> None:
        """Give a connection its session and thread; close it when it cannot have them."""
        session = None
        try:
            session = ClientSession(self._service, connection, name)
            thread = threading.Thread(target=self._run, args=(session,), daemon=True)
            with self._guard:
                self._sessions[session] = thread
            thread.start()
        except (OSError, RuntimeError) as error:  # gone already, or no thread to be had
            self.log(f"{name}: not served: {error}")
            connection.close()
            with self._guard:
                self._sessions = {k: v for k, v in self._sessions.items() if k is not session}

    def _run(self, session: ClientSession) -> None:
        try:
            self.log(f"{session.name}: {session.run()}")
        finally:
            try:
                self._free(session)
            finally:
                with self._guard:
                    self._sessions.pop(session, None)

    def _free(self, session: ClientSession) -> None:
        """Bring the device of an owner that leaves to idle, then let the next one have it."""
        ownership = self._service.ownership
        try:
            if ownership.owns(session):
                to_idle(self.target)
                program_window(self.target, "the next client may be refused")
        except (OSError, ValueError) as error:
            self.log(f"{session.name}: the device is not idle: {error}")
        finally:
            ownership.release(session)


def _listen(address: tuple[str, int], token: bytes | None) -> socket.socket:
    host, port = address
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise AccessError(f"no address {host}: {error.strerror or error}") from None
    if token is None and not ipaddress.ip_address(str(place[0]).split("%")[0]).is_loopback:
        raise UrlError(
            f"listening on {host} lets the network in: give a token file, or listen on 127.0.0.1"
        )
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except PermissionError as error:
        listener.close()
        raise AccessError(f"no permission to listen on {host}:{port}: {error.strerror}") from None
    except OSError as error:
        listener.close()
        raise BusyError(
            f"cannot listen on {host}:{port}: {error.strerror}; name another port"
        ) from None
    return listener
