"""The AXI4 memory port and its clients."""
