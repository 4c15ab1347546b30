"""Targets that run the RTL itself, and the memory around it.

``verilator://`` (:mod:`.verilator`) runs layers and whole networks, ``icarus://`` (:mod:`.icarus`)
instructions and blocks.  An empty location selects the core converted for the configuration; a path
selects that Verilog file, whose top module must be ``myvta_core`` with the core's ports.
"""
