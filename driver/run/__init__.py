"""Launches, the JIT runtime, execution of programs, profiles."""
