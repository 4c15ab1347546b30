"""The intermediate representations of the compiler and their arithmetic."""
