"""Lowering of operators to runtime calls, one operator a file."""
