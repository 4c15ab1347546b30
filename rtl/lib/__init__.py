"""Elements that every room uses: bundles, memories, queues, registers."""
