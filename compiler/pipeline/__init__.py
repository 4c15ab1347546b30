"""The passes as functions, their verifiers and dumps, and the runner."""
