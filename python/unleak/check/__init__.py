"""Static findings: places in source files where programs are known to leak (`unleak check`).

`rules/` has one rule a file; `registry` finds them, `engine` runs them over one file, `workers` over many, `evidence`
asks verdict documents and snapshots whether a finding happened, and `formats/` prints.
"""
