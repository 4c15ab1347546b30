"""The integer reference: what every quantized operator must compute."""
