"""Which node runs on the accelerator and which on the host, with the reasons."""
