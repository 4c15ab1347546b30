"""Lowering of convolutions and of what is fused behind them."""
