"""Targets at the other end of a framed link: UART and TCP."""
