"""``uart:///dev/ttyUSB0?baud=3000000``: the protocol over a serial port.

The location may be anything that pyserial opens: a device, ``COM3``, ``socket://host:port``,
``rfc2217://host:port``.  Speaks 8N1 without flow control.
"""

from __future__ import annotations

import errno
import os
import time

from ..errors import AccessError, BusyError, TargetError, TargetTimeout
from ..target.schemes import Advice, OpenRequest, TargetScheme
from .link import Link
from .link_target import LinkTarget, open_link_target, seconds_option

__all__ = ["SCHEME", "SerialLine", "open_uart"]

_POLL = 0.01  # maximum seconds of one read
DEFAULT_BAUD = 3_000_000
DEFAULT_TIMEOUT = 5.0


class SerialLine:
    """A pyserial port as a transport.

    Parameters
    ----------
    port : str
        Device or URL.
    baud : int
    timeout : float
        Seconds that a write may block.

    Raises
    ------
    AccessError
        No such port, or no permission.
    BusyError
        Another program has it open.
    """

    def __init__(self, port: str, baud: int, timeout: float):
        import serial  # other transports do not need it

        self.name, self._timeout = port, timeout
        try:
            self._port = serial.serial_for_url(
                port, baudrate=baud, timeout=_POLL, write_timeout=timeout,
                exclusive=None if "://" in port else True,
            )
        except (OSError, ValueError) as error:
            raise _refusal(port, baud, error) from None

    def send(self, data: bytes) -> None:
        """Write all bytes."""
        from serial import SerialTimeoutException

        try:
            self._port.write(data)
        except SerialTimeoutException:
            raise TargetTimeout(
                f"{self.name}: waited {self._timeout:g} s for {len(data)} bytes to be sent"
            ) from None
        except OSError as error:
            raise self._gone(error) from None

    def receive(self, seconds: float) -> bytes:
        """Return the received bytes, at the latest after ``seconds``."""
        until = time.monotonic() + seconds
        try:
            while True:
                data: bytes = self._port.read(1)
                if data:
                    return data + self._port.read(self._port.in_waiting)
                if time.monotonic() >= until:
                    return b""
        except OSError as error:
            raise self._gone(error) from None
        except TypeError:  # pyserial reads a port that another thread has closed
            raise TargetError(f"{self.name} is closed") from None

    def _gone(self, error: OSError) -> TargetError:
        return TargetError(
            f"{self.name} is gone: {error}; plug it in again and see `dmesg | tail` for its name"
        )

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _refusal(port: str, baud: int, error: Exception) -> TargetError:
    text = str(error)
    number = getattr(error, "errno", None)
    if number == errno.EACCES or "Permission denied" in text:
        return AccessError(
            f"no permission to open {port}: add yourself to the group that owns it (often "
            "`sudo usermod -aG dialout $USER`) and log in again"
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return BusyError(f"{port} is busy: another program has it open (see `fuser {port}`)")
    if number == errno.ENOENT or ("://" not in port and not os.path.exists(port)):
        return AccessError(f"there is no port {port}: plug the board in, see `dmesg | tail`")
    if isinstance(error, ValueError):
        return TargetError(f"{port} cannot be opened at {baud} baud: {text}")
    return AccessError(f"{port} cannot be opened: {text}")


def open_uart(request: OpenRequest) -> LinkTarget:
    """Open ``uart://``.

    Options: ``baud=`` (3000000), ``timeout=`` seconds without progress (5).
    """
    rest, location = dict(request.options), request.location
    timeout = seconds_option(rest, "timeout", DEFAULT_TIMEOUT)
    text = rest.pop("baud", str(DEFAULT_BAUD))
    if not text.isdecimal() or not 50 <= int(text) <= 100_000_000:
        raise ValueError(f"baud must be a number 50..100000000, not {text!r}")
    if rest:
        raise ValueError(f"no option {min(rest)!r}; known: baud, timeout")
    if not location:
        raise ValueError("name the port: uart:///dev/ttyUSB0")
    return open_link_target(
        lambda: _start(SerialLine(location, int(text), timeout), timeout), request
    )


def _start(line: SerialLine, timeout: float) -> Link:
    try:
        return Link(line, timeout)
    except BaseException:
        line.close()
        raise


_NO_ANSWER = (
    "the board does not answer: is the bitstream loaded, is ?baud= the design's, are TX and RX not "
    "swapped?"
)
SCHEME = TargetScheme(open_uart, Advice(
    {
        errno.EACCES: "the port is not yours: sudo usermod -aG dialout $USER, log in again",
        errno.ENOENT: "no such port: is the cable plugged in? ls /dev/ttyUSB* /dev/ttyACM*",
        errno.EBUSY: "another program has the port open: close it (fuser shows which)",
    },
    no_answer=_NO_ANSWER, no_device=_NO_ANSWER,
))
"""The scheme ``uart://``."""
