"""Front ends: one package per file format."""
