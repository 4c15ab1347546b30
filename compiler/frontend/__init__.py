"""Front ends: one package a file format."""
