"""Lowering of convolutions and of the layers fused with them."""
