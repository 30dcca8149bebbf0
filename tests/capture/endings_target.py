"""Waits for a line, and ends: by itself with status 7, after it became another program, or by taking memory without end."""

import os
import sys

KEPT = [{"number": i, "text": "x%d" % i} for i in range(60_000)]
AFTER = "import sys; print('another', flush=True); sys.stdin.read(); sys.exit(7)"

print("ready", flush=True)
sys.stdin.readline()
if sys.argv[1] == "exec":
    os.execv(sys.executable, [sys.executable, "-S", "-c", AFTER])
while sys.argv[1] == "grow":
    KEPT.append(bytearray(1 << 20))
sys.exit(7)
