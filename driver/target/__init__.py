"""The `Target` contract, targets by URL, tracing, identity, known boards."""
