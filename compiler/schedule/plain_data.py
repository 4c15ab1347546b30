"""Problems and tilings as plain data for JSON, and back, with validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .conv_problem import DATAFLOWS
from .problem_kinds import KINDS, ProblemKind
from .tiling_problem import Problem, Tiling

__all__ = ["plain_problem", "plain_tiling", "problem_from", "tiling_from"]

T = TypeVar("T")


def plain_problem(problem: Problem) -> dict[str, Any]:
    """Return a problem as plain data."""
    return {"kind": problem.kind, **_plain(problem)}


def plain_tiling(tiling: Tiling) -> dict[str, Any]:
    """Return a tiling as plain data."""
    return _plain(tiling)


def problem_from(values: Mapping[str, Any]) -> Problem:
    """Return a problem from plain data; ValueError for anything else, KeyError without a kind."""
    kind = _kind(values)
    return _object(kind.problem, {name: values[name] for name in values if name != "kind"})


def tiling_from(values: Mapping[str, Any], problem: Problem) -> Tiling:
    """Return a tiling for a problem from plain data; ValueError for anything else."""
    tiling = _object(KINDS[problem.kind].tiling, values)
    plain = plain_tiling(tiling)
    sizes = [value for value in plain.values() if type(value) is int]
    if min(sizes) < 1 or plain.get("dataflow", DATAFLOWS[0]) not in DATAFLOWS:
        raise ValueError(f"no tiling: {tiling}")
    return tiling


def _kind(values: Mapping[str, Any]) -> ProblemKind:
    name = values["kind"]
    if name not in KINDS:
        raise ValueError(f"problem of kind {name!r}, not one of {', '.join(KINDS)}")
    return KINDS[name]


def _plain(item: Any) -> dict[str, Any]:
    assert is_dataclass(item) and not isinstance(item, type)
    return asdict(item)


def _object(kind: type[T], values: Any) -> T:
    """Return a dataclass from a mapping of exactly its fields."""
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(values, Mapping) or set(values) != set(names):
        given = values if isinstance(values, Mapping) else ()
        raise ValueError(f"{kind.__name__} with {', '.join(map(str, given)) or 'nothing'}")
    return kind(**{
        name: _value(hints[name], values[name], f"{kind.__name__}.{name}") for name in names})


def _value(hint: Any, value: Any, name: str) -> Any:
    """Return a value of an annotated type from plain data."""
    if get_origin(hint) in (Union, UnionType):  # of one type and None
        wanted = next(one for one in get_args(hint) if one is not type(None))
        return None if value is None else _value(wanted, value, name)
    if is_dataclass(hint):
        return _object(hint, value)  # type: ignore[arg-type]
    if get_origin(hint) is not tuple:
        if type(value) is not hint:
            raise ValueError(f"{name} {value!r}, not of type {hint.__name__}")
        return value
    parts = get_args(hint)
    if not isinstance(value, list) or (parts[-1] is not ... and len(parts) != len(value)):
        raise ValueError(f"{name} {value!r}")
    if parts[-1] is ...:
        parts = (parts[0],) * len(value)
    return tuple(_value(part, one, name) for part, one in zip(parts, value, strict=True))
