"""`myvta serve`: any target over TCP, for other hosts."""

from __future__ import annotations

import json
import signal
import threading
from types import FrameType

import click

from ..driver.errors import UrlError
from ..driver.serve.server import DEFAULT_ADDRESS, Server
from ..driver.target.open_target import open_target
from ..driver.transport.tcp_target import read_token, split_address

__all__ = ["command"]


@click.command()
@click.option("--target", "url", required=True, metavar="URL", help="Target to serve.")
@click.option("--listen", default="{}:{}".format(*DEFAULT_ADDRESS), show_default=True,
              metavar="HOST:PORT", help="Address to listen on; port 0 takes a free one.")
@click.option("--token", metavar="FILE",
              help="Secret that clients must know; needed for any address but loopback.")
@click.option("--lock", is_flag=True,
              help="Lock the memory window in the device, until it is reset by wire.")
@click.option("--config", "config_name", metavar="NAME",
              help="Configuration, when the URL names none.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(
    url: str, listen: str, token: str | None, lock: bool, config_name: str | None, as_json: bool
) -> None:
    """Serve a device until interrupted; clients open it as tcp://HOST:PORT?token=FILE."""
    try:
        address = split_address(listen, DEFAULT_ADDRESS[1])
    except ValueError as error:
        raise UrlError(str(error)) from None
    secret = None if token is None else read_token(token)
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    with open_target(url, config_name) as target, Server(
        target, address, token=secret, lock=lock, log=lambda line: click.echo(line, err=True)
    ) as server:
        host, port = server.address
        if as_json:
            click.echo(json.dumps({"target": url, "host": host, "port": port}))
        else:
            click.echo(f"serving {url} on {host}:{port}")
        before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            stop.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
