"""The accelerator in MyHDL: one block per file, wired by :mod:`myvta.rtl.core`."""
