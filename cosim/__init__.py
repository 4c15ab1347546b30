"""Targets that run the RTL itself, and the memory around it.

``verilator://`` (:mod:`.verilator`) runs layers and whole networks, ``icarus://`` (:mod:`.icarus`)
proves instructions and blocks.  An empty location means the core converted for the configuration;
a path means that Verilog file, whose top module must be ``myvta_core`` with the core's ports.
"""
