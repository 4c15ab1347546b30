"""The store engine."""
