"""tcp_target: addresses, token files, proofs, and a line that ends."""

import hashlib
import hmac
import socket

import pytest

from myvta.driver import AccessError, TargetError
from myvta.driver.transport.tcp_target import (
    TcpLine,
    client_proof,
    read_token,
    server_proof,
    split_address,
)


@pytest.mark.parametrize(("text", "address"), [
    ("board", ("board", 7310)), ("board:80", ("board", 80)), ("[::1]:80", ("::1", 80)),
    ("[fe80::1%2]", ("fe80::1%2", 7310)), ("10.0.0.1:65535", ("10.0.0.1", 65535)),
])
def test_addresses_are_split(text, address):
    assert split_address(text) == address


@pytest.mark.parametrize("text", ["", ":80", "a:b", "host:99999", "::1", "a b", "[x]:1"])
def test_other_addresses_are_refused(text):
    with pytest.raises(ValueError, match="an address is HOST:PORT"):
        split_address(text)


def test_a_token_is_read_without_white_space_and_has_16_bytes(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(b"  0123456789abcdef\n")
    assert read_token(str(path)) == b"0123456789abcdef"
    path.write_bytes(b"0123456789abcde\n")
    with pytest.raises(AccessError, match="has 15 bytes, at least 16 are needed"):
        read_token(str(path))


def test_proofs_of_client_and_server_differ_and_are_hmac_sha256():
    token, challenge, nonce = b"t" * 16, b"c" * 32, b"n" * 32
    expected = hmac.new(token, b"myvta client" + challenge + nonce, hashlib.sha256).digest()
    assert client_proof(token, challenge, nonce) == expected
    assert server_proof(token, challenge, nonce) != expected


def test_line_receives_waits_and_reports_a_closed_peer():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = TcpLine("127.0.0.1", listener.getsockname()[1], 5.0)
        connection, _ = listener.accept()
        assert line.receive(0.01) == b""
        connection.sendall(b"abc")
        assert line.receive(5.0) == b"abc"
        connection.close()
        with pytest.raises(TargetError, match="has closed the connection"):
            line.receive(5.0)
        line.close()
        with pytest.raises(TargetError, match="is gone"):
            line.receive(0.1)
