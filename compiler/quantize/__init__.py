"""Calibration and quantization to int8, and how its error is measured."""
