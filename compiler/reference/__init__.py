"""The integer reference: the definition of every quantized operator."""
