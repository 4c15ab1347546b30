"""Compiler: model file to program, in rooms from the front end to the streams."""

from __future__ import annotations

from .compile import compile_model
from .ir.compile_errors import CompileError
from .model_check import check_model
from .session import Session

__all__ = ["CompileError", "Session", "check_model", "compile_model"]
