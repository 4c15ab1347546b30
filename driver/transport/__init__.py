"""Targets behind a framed link: UART and TCP."""
