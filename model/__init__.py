"""The bit-accurate device: the executable definition with which every other room is compared."""
