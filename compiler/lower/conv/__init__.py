"""Lowering of convolutions and of the layers fused behind them."""
