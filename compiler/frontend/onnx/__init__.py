"""The ONNX front end: import, validation, evaluation on the host, QDQ."""
