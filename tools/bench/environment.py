"""Makes build/bench-venv and runs the tool in it."""

import os
import subprocess
import sys
import venv
from pathlib import Path

from catalog import ROOT, VENV

TORCHVISION = "torchvision==0.29.1"


def wanted():
    """Text that names all that the environment should hold."""
    lines = (Path(__file__).with_name("requirements.txt")).read_text()
    return f"{lines}{TORCHVISION}\n"


def is_complete():
    """The environment keeps the list that it was made from."""
    stamp = VENV / "requirements.txt"
    return stamp.exists() and stamp.read_text() == wanted()


def install():
    print(f"installing the peers in {VENV.relative_to(ROOT)}", file=sys.stderr)
    venv.create(VENV, with_pip=True)
    pip = [VENV / "bin" / "python", "-m", "pip", "install",
           "--disable-pip-version-check", "--quiet"]
    requirements = Path(__file__).with_name("requirements.txt")
    subprocess.run([*pip, "-r", requirements], check=True)
    subprocess.run([*pip, "--no-deps", TORCHVISION], check=True)
    (VENV / "requirements.txt").write_text(wanted())


def enter():
    """Goes on in the environment's Python; makes it first if it is not there."""
    if Path(sys.prefix) == VENV:
        return
    if not is_complete():
        install()
    python = str(VENV / "bin" / "python")
    os.execv(python, [python, *sys.argv])
