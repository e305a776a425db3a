"""PostgreSQL refuses to run as root: this finds the plain account it runs as, and a folder that account can reach."""

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A plain account of this machine."""

    name: str
    uid: int
    gid: int


def plain_account() -> Account | None:
    """The account the backends run as when we are root; None when we are a plain account ourselves."""
    if os.geteuid() != 0:
        return None
    for name in PREFERRED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise RuntimeError(f"root needs a plain account to run the backends as: none of {', '.join(PREFERRED)} exists")


def can_reach(folder: Path, account: Account | None) -> bool:
    """Whether the account may walk down to `folder` (its missing tail would be made by us)."""
    if account is None:
        return True
    resolved = folder.resolve()
    return all(_may_enter(step, account) for step in (resolved, *resolved.parents) if step.exists())


def _may_enter(folder: Path, account: Account) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def reachable_folder(preferred: Path, account: Account | None) -> Path:
    """`preferred`, or a folder of the same meaning outside an unreachable home such as /root."""
    if can_reach(preferred, account):
        return preferred
    mark = hashlib.sha256(str(preferred.resolve()).encode()).hexdigest()[:12]
    return Path("/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir()) / f"doorstep-{mark}"


def passage(folder: Path) -> Path:
    """Makes a folder of ours that the account may walk through; refuses one that somebody else has put there."""
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else; remove it")
    folder.chmod(0o711)
    return folder


def own_folder(folder: Path, account: Account | None) -> Path:
    """Makes a folder that only the account can read."""
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
    return folder


def own_file(path: Path, text: str, account: Account | None, mode: int = 0o600) -> Path:
    """Writes a file that only the account can read; the text is never readable by others, not for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path
