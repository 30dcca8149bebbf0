"""How a check's result is written, one format a file: each has `render(result) -> str`."""
