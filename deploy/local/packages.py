"""Installs Debian packages when we may, without leaving a system service running."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

BACKENDS = ("postgresql", "rabbitmq-server")
WHAT_IS_MISSING = """\
PostgreSQL and RabbitMQ are needed, and none of the ways to get them works here. Do one of these:
  - set DOORSTEP_POSTGRES_URL and DOORSTEP_AMQP_URL to servers that you may use;
  - install them:  sudo apt-get install --no-install-recommends postgresql rabbitmq-server
  - start a Docker engine."""

POLICY = Path("/usr/sbin/policy-rc.d")
# Debian's own way to install a daemon's package without starting the daemon (invoke-rc.d(8)).
DENY_START = "#!/bin/sh\nexit 101\n"


def _privileged(command: Sequence[str]) -> list[str]:
    return list(command) if os.geteuid() == 0 else ["sudo", "--non-interactive", *command]


def can_install() -> bool:
    """Whether this is a Debian-like machine and we are root, or sudo lets us without a password."""
    if not shutil.which("apt-get"):
        return False
    if os.geteuid() == 0:
        return True
    if not shutil.which("sudo"):
        return False
    asked = subprocess.run(["sudo", "--non-interactive", "true"], capture_output=True, check=False)
    return asked.returncode == 0


def install_backends(say: Callable[[str], None]) -> None:
    """Installs both servers; the packages' own instances are neither started now nor changed."""
    with ExitStack() as undo:
        if not POLICY.exists():
            _write_policy()
            undo.callback(_run, ["rm", "-f", str(POLICY)])
        install(BACKENDS, say)


def install(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Installs packages without their recommendations; raises with apt's last words when it fails."""
    say(f"  apt-get install {' '.join(names)} (this takes a minute)")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    _run([*environment, "apt-get", "update", "-q"])
    _run([*environment, "apt-get", "install", "-y", "-q", "--no-install-recommends", *names])


def _write_policy() -> None:
    writer = _privileged(["tee", str(POLICY)])
    subprocess.run(writer, input=DENY_START, text=True, stdout=subprocess.DEVNULL, check=True)
    _run(["chmod", "755", str(POLICY)])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(_privileged(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")


CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHINESE_FONTS = ("*Noto*CJK*", "wqy-*", "*SourceHan*")


def need_browser(say: Callable[[str], None]) -> None:
    """Makes sure that pages can be tested and looked at: a Chromium, and letters for Chinese."""
    missing = [] if any(map(shutil.which, CHROMIUM)) else ["chromium"]
    missing += [] if _has_chinese_letters() else ["fonts-noto-cjk"]
    if not missing:
        return
    if not can_install():
        raise SystemExit(f"the browser tests need {' and '.join(missing)}: sudo apt-get install {' '.join(missing)}")
    say(f"the browser tests need {' and '.join(missing)}")
    install(missing, say)


def need_backends(say: Callable[[str], None]) -> None:
    """Installs PostgreSQL and RabbitMQ when they are missing and we may; else they come from elsewhere, or from
    nowhere, and whoever opens them says so."""
    from deploy.local.backends import installed

    given = bool(os.environ.get("DOORSTEP_POSTGRES_URL"))
    if not given and not installed() and can_install():
        say("PostgreSQL or RabbitMQ is missing")
        install_backends(say)


def _has_chinese_letters() -> bool:
    fonts = Path("/usr/share/fonts")
    return any(True for pattern in CHINESE_FONTS for _ in fonts.rglob(pattern))


def main() -> None:
    """`python -m deploy.local.packages backends browser`"""
    needs = {"backends": need_backends, "browser": need_browser}
    for name in sys.argv[1:]:
        needs[name](lambda words: print(words, flush=True))


if __name__ == "__main__":
    main()
