"""The load engine and the scratchpads it fills."""
