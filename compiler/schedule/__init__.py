"""The scheduling problems of layers, their spaces of tilings, and the choice."""
