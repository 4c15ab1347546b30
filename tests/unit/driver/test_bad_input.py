"""What can be wrong with a URL, a port or a board: one clear error with advice, in bounded time.

The command reports each case too: one line, exit status 2, no traceback.  Power cuts have a file
of their own.
"""

import os
import re
import socket
import threading
import time
from contextlib import contextmanager, nullcontext

import pytest
from click.testing import CliRunner
from link_board import answering, pseudo_terminal
from mapped_board import board_process

from myvta.cli.main import cli
from myvta.driver import (
    AccessError,
    AuthenticationError,
    BusyError,
    IdentityError,
    TargetTimeout,
    UrlError,
    open_target,
)
from myvta.driver.mmio import (
    uio,
)
from myvta.driver.serve.server import Server

QUERY = "config=1x4x4&mem=0x3000:32K"
SECONDS = 5.0  # any refusal; the targets below are opened with a timeout of 0.4 s
TOKEN = b"known to the server alone"
DENIED = PermissionError(13, "Permission denied")


# -- the other end of the line: each yields the URL
@contextmanager
def terminal(work):
    with pseudo_terminal(work) as path:
        yield f"uart://{path}?config=1x4x4&timeout=0.4"


@contextmanager
def line(wrap=lambda target: target, config="1x4x4"):
    """A correct device at a serial line."""
    with open_target(f"model://?{QUERY}") as inner, pseudo_terminal(
        answering(wrap(inner))
    ) as path:
        yield f"uart://{path}?config={config}&timeout=0.4"


@contextmanager
def taken_line():
    with line() as url, open_target(url):
        yield url


@contextmanager
def listener(answer):
    """A TCP server that answers each piece of bytes with ``answer(piece)``."""
    stop = threading.Event()

    def serve(listening):
        connection, _ = listening.accept()
        connection.settimeout(0.05)
        while not stop.is_set():
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            if not data:
                break
            connection.sendall(answer(data))
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}?config=1x4x4&timeout=0.4"
        stop.set()
        thread.join(5)


@contextmanager
def server(options="config=1x4x4", token=None, owned=False):
    with open_target(f"model://?{QUERY}") as inner, Server(
        inner, ("127.0.0.1", 0), token=token
    ) as running:
        url = f"tcp://127.0.0.1:{running.address[1]}?"
        with open_target(f"{url}config=1x4x4") if owned else nullcontext():
            yield url + options


@contextmanager
def wrong_token(tmp_path):
    (tmp_path / "token").write_bytes(b"something else, as long")
    with server(f"config=1x4x4&token={tmp_path}/token", TOKEN) as url:
        yield url


@contextmanager
def memory(tmp_path, words, config="1x4x4", options=""):
    """A physical address space full of one word."""
    (tmp_path / "mem").write_bytes(words * (0x20000 // len(words)))
    yield f"devmem://?device={tmp_path}/mem&regs=0&mem=0x10000:64K&config={config}{options}"


@contextmanager
def mapped(tmp_path, config):
    with board_process(tmp_path, "model://?config=1x4x4&mem=0x10000:64K", 0) as (path, _):
        yield f"devmem://?device={path}&regs=0&mem=0x10000:64K&config={config}"


def refusing(error):
    def refuse(*arguments, **options):
        raise error

    return refuse


@contextmanager
def forbidden(monkeypatch, what, url, error=DENIED):
    """The system refuses permission, which it never does for tests that run as root."""
    monkeypatch.setattr(what, refusing(error))
    yield url


@contextmanager
def forbidden_uio(tmp_path, monkeypatch):
    (tmp_path / "uio0" / "maps" / "map0").mkdir(parents=True)
    (tmp_path / "uio0" / "maps" / "map0" / "size").write_text("0x10000\n")
    monkeypatch.setattr(uio, "SYSFS", tmp_path)
    with forbidden(monkeypatch, "os.open", "uio:///dev/uio0") as url:
        yield url


def url(text):
    return lambda tmp_path, monkeypatch: nullcontext(text)


CASES = {
    # wrong URL
    "no scheme": (url("board"), UrlError, "a target is scheme://.*schemes: devmem, icarus"),
    "unknown scheme": (url("usb://x"), UrlError, "no target scheme 'usb'; known: devmem"),
    "unknown option": (url("uart:///dev/x?speed=1"), UrlError, "no option 'speed'; known: baud"),
    "bad window": (url("devmem://?mem=16M"), UrlError, "mem must be BASE:SIZE, for example"),
    "bad port": (url("tcp://board:99999"), UrlError, "an address is HOST:PORT"),
    # no such device
    "no port": (url("uart:///dev/no-such"), AccessError, "there is no port .*plug the board in"),
    "no server": (url("tcp://127.0.0.1:9"), AccessError, "start `myvta serve` there"),
    "no such host": (
        lambda _, patch: forbidden(patch, "socket.getaddrinfo", "tcp://bord", socket.gaierror(
            socket.EAI_NONAME, "Name or service not known")),
        AccessError, "no connection to bord:7310: Name or .*correct host and port"),
    "no memory device": (
        url("devmem://?device=/dev/no-such"), AccessError, "No such file.*is its driver loaded"),
    "no UIO device": (url("uio:///dev/uio97"), AccessError, "is it a UIO device with a `reg`"),
    "no buffer": (
        url("devmem://?device=/dev/zero&regs=0&buffer=udmabuf97"), AccessError,
        "modprobe u-dma-buf"),
    "no token file": (url("tcp://board?token=/no/such"), AccessError, "cannot read the token"),
    # no permission
    "port of another": (
        lambda _, patch: forbidden(patch, "serial.serial_for_url", "uart:///dev/ttyUSB0"),
        AccessError, "usermod -aG dialout"),
    "UIO device of another": (
        lambda tmp_path, patch: forbidden_uio(tmp_path, patch), AccessError,
        "run as root, or give your user the device with a udev rule"),
    "memory is root's": (
        lambda _, patch: forbidden(patch, "os.open", "devmem://"), AccessError, "run as root"),
    # busy port
    "port is open": (lambda *_: taken_line(), BusyError, "another program has it open .*fuser"),
    "device is owned": (
        lambda *_: server(owned=True), BusyError, r"another client owns .*\?queue=SECONDS waits"),
    # wrong token
    "wrong token": (
        lambda tmp_path, _: wrong_token(tmp_path), AuthenticationError,
        "refuses the token: is it the server's"),
    "no token": (
        lambda *_: server(token=TOKEN), AuthenticationError, r"wants a token: \?token=FILE"),
    # wrong fingerprint
    "wrong fingerprint, line": (
        lambda *_: line(config="1x8x8"), IdentityError, "expected .*1x8x8.*; it is '1x4x4'"),
    "wrong fingerprint, TCP": (
        lambda *_: server("config=default"), IdentityError, "it is '1x4x4': LOG_"),
    "wrong fingerprint, memory map": (
        lambda tmp_path, _: mapped(tmp_path, "1x8x8"), IdentityError, "it is '1x4x4': LOG_"),
    # board silent
    "silent line": (
        lambda *_: terminal(lambda data: b""), TargetTimeout, "waited 0.4 s .*is it powered"),
    "silent server": (
        lambda *_: listener(lambda data: b""), TargetTimeout, "waited 0.4 s .*is it powered"),
    "silent bus, zeros": (
        lambda tmp_path, _: memory(tmp_path, b"\0"), IdentityError, "no design loaded"),
    "silent bus, ones": (
        lambda tmp_path, _: memory(tmp_path, b"\xff"), IdentityError, "no design loaded"),
    # board answering garbage
    "garbage on the line": (
        lambda *_: terminal(lambda data: os.urandom(40) if data else b""), TargetTimeout,
        "bytes came back, .*wrong baud rate"),
    "another server": (
        lambda *_: listener(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9), TargetTimeout,
        "bytes came back, .*another device"),
    "another design": (
        lambda tmp_path, _: memory(tmp_path, b"\x34\x12\0\0"), IdentityError,
        "another design answers"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_bad_input_gives_one_error_within_its_timeout(tmp_path, monkeypatch, case):
    make, kind, advice = CASES[case]
    with make(tmp_path, monkeypatch) as target:
        started = time.monotonic()
        with pytest.raises(kind, match=f"(?s){advice}"):
            open_target(target)
        assert time.monotonic() - started < SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("case", [name for name in CASES if "server" not in name])
def test_command_reports_bad_input_in_one_line(tmp_path, monkeypatch, case):
    make, _, advice = CASES[case]
    with make(tmp_path, monkeypatch) as target:
        result = CliRunner().invoke(cli, ["serve", "--target", target, "--listen", "127.0.0.1:0"])
    assert result.exit_code == 2 and result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1 and re.search(advice, result.stderr)


@pytest.mark.parametrize(("error", "kind", "advice"), [
    (DENIED, AccessError, "no permission to listen on .*:80:"),
    (OSError(98, "Address already in use"), BusyError, "cannot listen on .*; name another port"),
])
def test_unusable_port_is_refused_in_one_line(monkeypatch, error, kind, advice):
    monkeypatch.setattr(socket.socket, "bind", refusing(error))
    with open_target(f"model://?{QUERY}") as target, pytest.raises(kind, match=advice):
        Server(target, ("127.0.0.1", 80))
    result = CliRunner().invoke(cli, ["serve", "--target", "model://", "--listen", "127.0.0.1:80"])
    assert result.exit_code == 2 and re.search(advice, result.stderr)
