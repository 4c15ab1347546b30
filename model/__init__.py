"""The bit-accurate device: the living definition that every other room is compared with."""
