"""Compiler: ONNX import, quantization, graph passes, schedules, lowering."""
