"""A token's file, and servers that stop after the test."""

import pytest
from hostile_client import TOKEN, servers


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(TOKEN + b"\n")
    return path


@pytest.fixture
def serve():
    with servers() as start:
        yield start
