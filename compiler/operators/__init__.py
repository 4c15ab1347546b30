"""The operators that the accelerator runs, one file each, listed once in the registry."""
