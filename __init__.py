"""myvta: an open deep-learning accelerator whose whole stack is Python."""
