"""The manifest of a bundle: a program as JSON, its bytes as parts (docs/bundle.md)."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Protocol

from ...isa.config import Config, ConfigError
from ...isa.opcodes import MemoryType
from ..errors import BundleError
from .program import HostStep, LaunchStep, Program, ProgramStep, ProgramTensor, Segment

__all__ = ["Parts", "program_from_json", "program_to_json"]


class Parts(Protocol):
    """Bytes by path."""

    def __getitem__(self, path: str) -> bytes:
        """Return a part; BundleError when it is missing."""


# -- writing -------------------------------------------------------------------------------------
def program_to_json(program: Program, parts: dict[str, bytes]) -> dict[str, Any]:
    """Return the manifest (without its table of parts) and add every part to ``parts``."""
    def part(folder: str, number: int, data: bytes) -> str:
        path = f"{folder}/{number:05d}.bin"
        parts[path] = data
        return path

    return {
        "name": program.name,
        "config": program.config.to_dict(),
        "canonical": program.config.canonical,
        "fingerprint": program.config.fingerprint,
        "size": program.size,
        "inputs": list(program.inputs),
        "outputs": list(program.outputs),
        "info": program.info,
        "segments": [
            {"name": item.name, "offset": item.offset, "part": part("segments", at, item.data)}
            for at, item in enumerate(program.segments)
        ],
        "tensors": [
            {
                "name": item.name, "shape": list(item.shape), "dtype": item.dtype,
                "offset": item.offset,
                "memory_type": None if item.memory_type is None else item.memory_type.name,
                "scale": list(item.scale), "axis": item.axis, "zero_point": item.zero_point,
                "layer": item.layer,
            }
            for item in program.tensors
        ],
        "steps": [
            _launch_to_json(step) if isinstance(step, LaunchStep) else {
                "kind": "host", "layer": step.layer, "op": step.op, "inputs": list(step.inputs),
                "outputs": list(step.outputs), "attributes": step.attributes,
                "reason": step.reason,
                "payload": part("payloads", at, step.payload) if step.payload else None,
            }
            for at, step in enumerate(program.steps)
        ],
        "attachments": {
            name: part("attachments", at, data)
            for at, (name, data) in enumerate(sorted(program.attachments.items()))
        },
    }


def _launch_to_json(step: LaunchStep) -> dict[str, Any]:
    return {
        "kind": "launch", "layer": step.layer, "code": step.code, "count": step.count,
        "uops": step.uops, "inputs": list(step.inputs), "outputs": list(step.outputs),
        "notes": [[len(list(run)), text] for text, run in groupby(step.notes)],
    }


# -- reading -------------------------------------------------------------------------------------
class _Object:
    """A JSON object whose keys are fetched by kind; anything unexpected is a BundleError."""

    def __init__(self, value: Any, where: str):
        if not isinstance(value, dict):
            raise BundleError(f"altered: {where} is not an object")
        self.value, self.where = value, where

    def get(self, key: str, *kinds: type) -> Any:
        if key not in self.value:
            raise BundleError(f"altered: {self.where} has no {key!r}")
        value = self.value[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise BundleError(f"altered: {key!r} of {self.where} is not {kinds[0].__name__}")
        return value

    def many(self, key: str, *kinds: type) -> tuple[Any, ...]:
        value = self.get(key, list)
        if not all(isinstance(item, kinds) and not isinstance(item, bool) for item in value):
            raise BundleError(f"altered: {key!r} of {self.where} holds something else than "
                              f"{kinds[0].__name__}")
        return tuple(value)

    def objects(self, key: str) -> list[_Object]:
        return [
            _Object(item, f"{key}[{at}]") for at, item in enumerate(self.get(key, list))
        ]


def program_from_json(document: dict[str, Any], parts: Parts) -> Program:
    """Return the program of a manifest; BundleError or ProgramError names the fault."""
    top = _Object(document, "the manifest")
    try:
        config = Config.from_dict(top.get("config", dict))
    except (ConfigError, TypeError) as error:
        raise BundleError(f"altered: {error}") from error
    if (
        top.get("fingerprint", int) != config.fingerprint
        or top.get("canonical", str) != config.canonical
    ):
        raise BundleError("altered: fingerprint and configuration do not belong together")
    attachments = _Object(top.get("attachments", dict), "attachments")
    return Program(
        name=top.get("name", str), config=config, size=top.get("size", int),
        inputs=top.many("inputs", str), outputs=top.many("outputs", str),
        info=top.get("info", dict),
        segments=tuple(
            Segment(item.get("name", str), item.get("offset", int), parts[item.get("part", str)])
            for item in top.objects("segments")
        ),
        tensors=tuple(_tensor(item) for item in top.objects("tensors")),
        steps=tuple(_step(item, parts) for item in top.objects("steps")),
        attachments={
            name: parts[attachments.get(name, str)] for name in attachments.value
        },
    )


def _tensor(item: _Object) -> ProgramTensor:
    kind = item.get("memory_type", str, type(None))
    if kind is not None and kind not in MemoryType.__members__:
        raise BundleError(f"altered: {item.where} has memory type {kind!r}")
    return ProgramTensor(
        name=item.get("name", str), shape=item.many("shape", int), dtype=item.get("dtype", str),
        offset=item.get("offset", int, type(None)),
        memory_type=None if kind is None else MemoryType[kind],
        scale=tuple(float(value) for value in item.many("scale", float, int)),
        axis=item.get("axis", int), zero_point=item.get("zero_point", int),
        layer=item.get("layer", str),
    )


def _step(item: _Object, parts: Parts) -> ProgramStep:
    layer, kind = item.get("layer", str), item.get("kind", str)
    inputs, outputs = item.many("inputs", str), item.many("outputs", str)
    if kind == "launch":
        count = item.get("count", int)
        return LaunchStep(
            layer=layer, code=item.get("code", int), count=count, uops=item.get("uops", int),
            inputs=inputs, outputs=outputs, notes=_notes(item, count),
        )
    if kind != "host":
        raise BundleError(f"altered: {item.where} is neither launch nor host but {kind!r}")
    payload = item.get("payload", str, type(None))
    return HostStep(
        layer=layer, op=item.get("op", str), inputs=inputs, outputs=outputs,
        payload=b"" if payload is None else parts[payload],
        attributes=item.get("attributes", dict), reason=item.get("reason", str),
    )


def _notes(item: _Object, count: int) -> tuple[str, ...]:
    notes: list[str] = []
    for run in item.many("notes", list):
        if len(run) != 2 or not isinstance(run[0], int) or not isinstance(run[1], str):
            raise BundleError(f"altered: a note of {item.where} is not [count, text]")
        if not 0 < run[0] <= count - len(notes):
            raise BundleError(f"altered: {item.where} has more notes than instructions")
        notes += [run[1]] * run[0]
    return tuple(notes)
