"""Instruction fetch and dispatch to the engines."""
