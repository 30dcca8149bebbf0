"""One rule a file; `unleak.check.rule` says what is in it."""
