"""unleak: finds what leaks memory in a running Python program, who holds it, and which line put it there."""

__version__ = "0.1.0"
