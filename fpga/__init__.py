"""The surroundings of the accelerator on an FPGA: the UART bridge and on-chip memory."""
