"""A device offered to other hosts."""
