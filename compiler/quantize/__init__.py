"""Calibration, quantization to int8, and measurement of its error."""
