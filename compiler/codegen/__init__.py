"""From tiles to instructions: loop nests, scratchpad buffers, dependences, tokens."""
