"""Lowering of operators to device calls, one file per operator."""
