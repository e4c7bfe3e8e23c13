"""Runs a script with the providers' own clients, which live in an environment of their own, and reads what it found."""

import json
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-sdks" / "bin" / "python"
LIMIT_S = 60


def ask_sdk(script: str, **given: Any) -> Any:
    """What `scripts/<script>.py` prints as JSON when it reads `given` as JSON. The script sees nothing of ours but that."""
    assert PYTHON.exists(), "The providers' own clients are not installed. Run: make sdks"
    command = [str(PYTHON), "-I", str(HERE / "scripts" / f"{script}.py")]
    ran = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
