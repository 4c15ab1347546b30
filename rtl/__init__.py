"""The accelerator in MyHDL: one block a file, wired by :mod:`myvta.rtl.core`."""
