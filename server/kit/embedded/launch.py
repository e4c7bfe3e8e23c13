"""Becomes another program, after arranging that it ends with its parent and, when asked, that it is not root.

Run as a plain script by `-I -S` Python (20 ms): preparing between fork and exec is not safe in a process with threads.
`launch.py --parent PID [--signal N] [--uid U --gid G [--reach]] -- PROGRAM ARGS...`
`--reach`: the account may still enter folders that only root may enter, such as /root.
"""

import argparse
import ctypes
import os
import signal
import struct
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


def main() -> None:
    """Prepare this process, then replace it."""
    options = _options()
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if options.uid is not None:
        _become(options.uid, options.gid, libc if options.reach else None)
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, options.signal, 0, 0, 0)
    if os.getppid() != options.parent:
        sys.exit("the process that asked for this one is gone")
    os.execv(options.command[0], options.command)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, default=int(signal.SIGKILL))
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--reach", action="store_true")
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _become(uid: int, gid: int, libc: ctypes.CDLL | None) -> None:
    if libc is not None:
        libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if libc is not None:
        _keep_reach(libc)


def _keep_reach(libc: ctypes.CDLL) -> None:
    """Keep only the rights to pass folder permissions, over the coming exec too."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    current = ctypes.create_string_buffer(24)
    _checked(libc.capget(header, current), "capget")
    permitted = struct.unpack("=6I", current.raw)[1]
    kept = [capability for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH) if permitted & 1 << capability]
    mask = sum(1 << capability for capability in kept)
    _checked(libc.capset(header, struct.pack("=6I", mask, mask, mask, 0, 0, 0)), "capset")
    for capability in kept:
        _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl")


def _checked(result: int, call: str) -> None:
    if result != 0:
        sys.exit(f"{call}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
