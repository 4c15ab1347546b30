"""The payload of host nodes is a value, labelled with the front end that can read it."""

from __future__ import annotations

import dataclasses

import pytest

from myvta.compiler.ir.host_payload import HostPayload


def test_payloads_are_compared_by_front_end_and_data() -> None:
    assert HostPayload("onnx", b"abc") == HostPayload("onnx", b"abc")
    assert HostPayload("onnx", b"abc") != HostPayload("onnx", b"abd")
    assert HostPayload("onnx", b"abc") != HostPayload("json", b"abc")
    assert len({HostPayload("onnx", b"abc"), HostPayload("onnx", b"abc")}) == 1


def test_payload_is_immutable() -> None:
    payload = HostPayload("onnx", b"abc")
    with pytest.raises(dataclasses.FrozenInstanceError):
        payload.data = b""  # type: ignore[misc]
