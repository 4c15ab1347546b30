"""Programs and bundles: data that is loaded into a device, and how it is laid out."""
