"""The timing model: cycles of a stream without its data."""
