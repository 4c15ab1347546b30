"""Graph rewrites to the normal forms that partitioning and quantization expect."""
