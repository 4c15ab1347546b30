"""Validation of a device layer by layer, and diagnosis."""
