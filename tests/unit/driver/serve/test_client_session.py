"""Sessions: the token opens them, and only once; challenges are not reused."""

import hashlib
import hmac
import socket
import threading
import time
from random import Random

import pytest
from hostile_client import TOKEN, Raw, Watched, hostile, tcp
from link_work import multiply

from myvta.driver import (
    AuthenticationError,
    open_target,
)
from myvta.driver.serve.client_session import ClientSession
from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.isa.link_protocol import LinkStatus, MessageKind


def test_the_right_token_opens_and_nothing_else_touches_the_device(serve, token_file, tmp_path):
    watched = []
    server = serve(wrap=lambda t: watched.append(Watched(t)) or watched[0], token=TOKEN)
    before = watched[0].touches
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"something else, as long")
    with pytest.raises(AuthenticationError, match=r"wants a token: \?token=FILE"):
        open_target(tcp(server))
    with pytest.raises(AuthenticationError, match="refuses the token"):
        open_target(tcp(server, f"&token={wrong}"))
    hostile(server, TOKEN, Random(2), 200)
    client = Raw(server)
    client.send(
        Frame(MessageKind.IDENTIFY, 0), Frame(MessageKind.CLAIM, 1),
        Frame(MessageKind.READ_REGISTER, 2, 0x40, 4),
        Frame(MessageKind.WRITE_MEMORY, 3, 0x3000, 4, b"evil"),
        Frame(MessageKind.READ_MEMORY, 4, 0x3000, 4),
    )
    assert [frame.status for frame in client.frames(5)[1:]] == [LinkStatus.DENIED] * 4
    client.socket.close()
    assert watched[0].touches == before
    with open_target(tcp(server, f"&token={token_file}")) as target:
        multiply(target, 1)


def test_a_replayed_proof_and_a_used_challenge_are_refused(serve):
    server, proofs = serve(token=TOKEN), []

    def proof(challenge, nonce=bytes(32)):
        return nonce + hmac.new(
            TOKEN, b"myvta client" + challenge + nonce, hashlib.sha256
        ).digest()

    for replay in (False, True):
        client = Raw(server)
        client.send(Frame(MessageKind.IDENTIFY, 0))
        challenge = client.frames()[0].data[32:]
        assert len(challenge) == 32 and challenge not in proofs
        proofs.append(challenge)
        client.send(Frame(MessageKind.AUTHENTICATE, 1, 0, 64, proof(proofs[0])))
        (answer,) = client.frames()
        assert answer.status == (LinkStatus.DENIED if replay else LinkStatus.OK)
        assert TOKEN not in answer.payload
        if not replay:  # the same challenge once more, on the same connection
            client.send(Frame(MessageKind.AUTHENTICATE, 2, 0, 64, proof(challenge)))
            assert client.frames()[0].status == LinkStatus.DENIED
        client.socket.close()


def test_repeated_identify_keeps_its_challenge(serve, token_file, monkeypatch):
    """A server that answers late is asked again: the proof is of its first answer."""
    answer, asked = ClientSession._identify, []

    def late(session, frame):
        asked.append(frame)
        if len(asked) == 1:
            time.sleep(0.5)
        return answer(session, frame)

    monkeypatch.setattr(ClientSession, "_identify", late)
    server = serve(token=TOKEN)
    with open_target(tcp(server, f"&token={token_file}")) as target:
        assert len(asked) > 1 and asked[0] == asked[1]
        multiply(target, 4)


def test_connection_allows_one_attempt_at_the_token(serve):
    client = Raw(serve(token=TOKEN))
    wrong = Frame(MessageKind.AUTHENTICATE, 1, 0, 64, bytes(64))
    client.send(  # in one piece, before the server can hang up
        Frame(MessageKind.IDENTIFY, 0), wrong, Frame(MessageKind.IDENTIFY, 0), wrong,
        Frame(MessageKind.CLAIM, 2),
    )
    first, denied, again, *rest = client.frames(5)
    assert len(set(first.data[32:])) > 1 and again.data[32:] == bytes(32)
    assert {frame.status for frame in (denied, *rest)} == {LinkStatus.DENIED} and len(rest) == 2
    assert client.hung_up(2)


def test_client_leaves_a_server_without_the_token(token_file):
    def impostor(listener):
        connection, _ = listener.accept()
        decoder = FrameDecoder(1024)
        while data := connection.recv(4096):
            for frame in decoder.feed(data):
                if frame.kind == MessageKind.IDENTIFY:
                    words = b"MVTL" + (1 << 16).to_bytes(4, "little") + (256 | 4 << 16).to_bytes(
                        4, "little") + bytes(12) + (3).to_bytes(4, "little") + bytes(36)
                    data = Frame(1, frame.sequence, frame.address, 64, words, True)
                else:
                    data = Frame(frame.kind, frame.sequence, 0, 32, bytes(32), True)
                connection.sendall(encode(data))
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=impostor, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(AuthenticationError, match="accepts the token but does not know it"):
            open_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}?token={token_file}")
        thread.join(5)
