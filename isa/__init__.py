"""The architecture: configuration, fields, opcodes, instructions, registers, text form."""
