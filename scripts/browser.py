#!/usr/bin/env python3
"""Finds the Chromium that the browser tests drive; installs Debian's when there is none and this account may. Standard library only."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main():
    """Make sure that one of NAMES can be run."""
    if not found() and os.geteuid() == 0 and shutil.which("apt-get"):
        print("· Installing Chromium for the browser tests", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=quiet, check=False, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", "chromium"], env=quiet, check=False, stdout=subprocess.DEVNULL
        )
    if not found():
        sys.exit("The browser tests need Chromium and there is none.\nInstall it, on Debian: apt-get install chromium")


def found():
    """Whether a Chromium is on the path."""
    return any(shutil.which(name) for name in NAMES)


if __name__ == "__main__":
    main()
