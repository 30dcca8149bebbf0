"""A process that waits.

Nothing grew, but nothing ran either.

Truth
-----
command: diagnose
verdict: inconclusive
fast: yes
"""

import os
import sys

print("READY", os.getpid(), flush=True)
sys.stdin.readline()
