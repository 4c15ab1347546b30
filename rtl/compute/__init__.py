"""GEMM and ALU: issue, steps, pipeline, accumulator."""
