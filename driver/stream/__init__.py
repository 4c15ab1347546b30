"""Instruction streams and micro-op kernels."""
