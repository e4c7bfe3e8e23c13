"""Folders and accounts of the embedded servers: who runs them, what that account can reach, where sockets fit."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import IO

import psutil

ACCOUNT = "chatloom"
_LONGEST_SOCKET_FOLDER = 88


class EmbeddedError(RuntimeError):
    """An embedded server cannot run; the message says why and what to do."""


class FolderInUse(EmbeddedError):
    """Another process has the folder; `note` is what that process wrote down about itself."""

    def __init__(self, path: Path, note: str) -> None:
        super().__init__(f"{path.parent} is in use by another running Chatloom.")
        self.note = note


class FolderLock:
    """One process per folder. The operating system lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def take(self) -> str:
        """Take the lock, or raise FolderInUse at once; returns the note of a process that had it before and was killed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            note = file.read()
            file.close()
            raise FolderInUse(self.path, note) from None
        self._file = file
        file.seek(0)
        left = file.read()
        self.note("")
        return left

    def note(self, text: str) -> None:
        """Leave a line for whoever finds the folder in use."""
        if self._file is None:
            raise EmbeddedError(f"{self.path} is not ours to write")
        self._file.truncate(0)
        self._file.write(text)
        self._file.flush()

    def release(self) -> None:
        """Let others have the folder."""
        if self._file is not None:
            self.note("")
            self._file.close()
            self._file = None


def make_data_folder(path: Path) -> None:
    """Make the data folder, closed to other people; as root, the database's account may pass through."""
    path.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)


def server_account(folder: Path) -> pwd.struct_passwd | None:
    """The account a server that refuses root must run under, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    if (account := _account(ACCOUNT)) is None and (useradd := shutil.which("useradd")):
        command = [
            useradd,
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
            ACCOUNT,
        ]
        subprocess.run(command, check=False, capture_output=True)
        account = _account(ACCOUNT)
    if (account := account or _account("nobody")) is None:
        raise EmbeddedError("PostgreSQL refuses to run as root and there is no account `nobody`. Run Chatloom as an ordinary user.")
    return account


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return None
    return account if account.pw_uid != 0 else None


def can_reach(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether `account` may enter every folder above `path`, and enter `path` too if it is a folder or read it if it is a file."""
    resolved = path.resolve()
    return all(_allows(account, folder, 0o1) for folder in resolved.parents) and _allows(
        account, resolved, 0o1 if resolved.is_dir() else 0o4
    )


def _allows(account: pwd.struct_passwd, path: Path, right: int) -> bool:
    status = path.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & right << 6)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & right << 3)
    return bool(status.st_mode & right)


def give(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make `folder` (private) and hand it to `account`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if account is not None and folder.stat().st_uid != account.pw_uid:
        os.chown(folder, account.pw_uid, account.pw_gid)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)


def socket_folder(wanted: Path, account: pwd.struct_passwd | None) -> Path:
    """A private folder for a Unix socket: `wanted`, or a short one elsewhere when its name is too long for the system."""
    fits = len(os.fsencode(wanted)) <= _LONGEST_SOCKET_FOLDER and not set(str(wanted)) & set(",'\"\\")
    folder = wanted if fits else Path(tempfile.mkdtemp(prefix="chatloom-", dir="/tmp"))
    give(folder, account)
    return folder


def processes_in(folder: Path, name: str) -> list[psutil.Process]:
    """Live processes called `name` that work in `folder`: left over from a run that was killed."""
    found = []
    target = str(folder.resolve())
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == name and process.status() != psutil.STATUS_ZOMBIE and process.cwd() == target:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
