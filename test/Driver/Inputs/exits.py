"""exits.py CODE [--file-size BYTES] COMMAND…: runs COMMAND, expects CODE.

--file-size stands in for a full disk: no file may grow beyond it."""

import resource
import signal
import subprocess
import sys

code, *command = sys.argv[1:]
limit = None
if command[0] == "--file-size":
    limit = int(command[1])
    command = command[2:]


def restrict():
    if limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


found = subprocess.run(command, preexec_fn=restrict).returncode
if found != int(code):
    sys.exit(f"exit code {found} where {code} is expected: {' '.join(command)}")
