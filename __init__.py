"""myvta: an open deep-learning accelerator whose whole stack is Python.

The names below are imported when they are first used, so that a board, which has neither the
compiler nor its dependencies, can ``import myvta`` too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiler.compile import compile_model
    from .compiler.session import Session
    from .driver.target.open_target import open_target
    from .isa.config import load_config

__all__ = ["Session", "__version__", "compile_model", "load_config", "open_target"]

__version__ = "0.1.0"

_MODULES = {
    "Session": "compiler.session",
    "compile_model": "compiler.compile",
    "load_config": "isa.config",
    "open_target": "driver.target.open_target",
}


def __getattr__(name: str) -> Any:
    """Import a name of ``__all__`` from its module (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{__name__}.{name} needs {error.name}, which is not installed here: the distribution "
            "myvta has it, myvta-board does not"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
