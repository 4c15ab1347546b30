"""Tensors in device memory: packing, unpacking, the memory plan, host steps."""
