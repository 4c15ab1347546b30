"""Building blocks of every room: bundles, memories, queues, registers."""
