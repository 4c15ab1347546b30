"""The static checker of instruction streams."""
