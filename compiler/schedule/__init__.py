"""The tiling problem of a convolution, its space of tilings, and the choice."""
