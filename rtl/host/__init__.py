"""The register file, launch control, performance counters."""
