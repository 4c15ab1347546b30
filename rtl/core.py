"""The accelerator: fetch, three engines with their queues and tokens, memory port, registers.

Wiring only.  Ports: ``s_axi`` (AXI4-Lite slave, the register map of :mod:`myvta.isa.registers`),
``m_axi`` (AXI4 master), ``interrupt`` (level, high while enabled and pending).  ``reset`` is
synchronous and active high.  Everything but the memory port, the registers and the control block
is reset by ``control`` whenever no launch is running, so a launch always starts clean.
"""
