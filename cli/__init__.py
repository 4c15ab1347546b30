"""The `myvta` command: thin, every verb is also a Python call."""
