"""Folders that serve as a phone's file system: Debian's adbd and what it needs, unpacked.

Nothing is installed and no maintainer script runs, so a root for arm64 needs no emulation to be
made. The mirror is the one this machine's own apt uses, and its signatures are checked.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

# The shell and the tools of an Android: mksh and toybox, and nothing else.
PACKAGES = ("adbd", "mksh", "toybox")
TOOLS = (
    "cat chmod cp cut date df false grep head id kill ln ls mkdir mv nproc pidof printf ps "
    "readlink rm rmdir sed seq setsid sha256sum sleep sort stat tail taskset tee timeout touch tr "
    "true uname wc xargs"
)
COMPILERS = {"amd64": "g++", "arm64": "aarch64-linux-gnu-g++"}
SHIM = Path(__file__).with_name("adbd_shim.cpp")
STUBS = Path(__file__).with_name("stubs")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNNEEDED = ("./usr/share/doc", "./usr/share/locale", "./usr/share/man")


def cached_root(architecture: str, lacking: Callable[[str], NoReturn]) -> Path:
    """The root for ``amd64`` or ``arm64``, made on first use; safe among processes.

    It lies in ``$CDFI_DEVICE_ROOTS``, else in ``build/device_roots`` of the checkout, under a name
    that changes with what it is made from.
    """
    for program in ("apt-get", "dpkg-deb", "tar", COMPILERS[architecture]):
        if shutil.which(program) is None:
            lacking(f"no '{program}' to make the test device's root with")
    if not KEYRING.is_file():
        lacking(f"no {KEYRING} to check Debian's packages with")
    checkout = Path(__file__).resolve().parents[3]
    cache = Path(os.environ.get("CDFI_DEVICE_ROOTS", checkout / "build" / "device_roots"))
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"{architecture}-{_recipe()}"
    with _one_at_a_time(cache / f".{architecture}.lock"):
        if not root.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{architecture}-") as folder:
                made = Path(folder) / "root"
                _unpack(architecture, made, Path(folder) / "apt", lacking)
                _furnish(architecture, made)
                made.rename(root)
    return root


def _recipe() -> str:
    digest = hashlib.sha256()
    for each in (Path(__file__), SHIM, *sorted(STUBS.iterdir())):
        digest.update(each.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(architecture: str, root: Path, apt: Path, lacking: Callable[[str], NoReturn]) -> None:
    mirror = _mirror()
    if mirror is None:
        lacking("no Debian mirror among this machine's apt sources")
    for folder in ("lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} trixie main\n")
    (apt / "apt.conf").write_text(
        f'APT::Architecture "{architecture}"; APT::Architectures {{"{architecture}";}};\n'
        f'Dir::State "{apt}"; Dir::State::lists "{apt}/lists"; Dir::State::status "{apt}/status";\n'
        f'Dir::Cache "{apt}/cache"; Dir::Etc::sourcelist "{apt}/sources.list";\n'
        'Dir::Etc::sourceparts "/nonexistent"; APT::Install-Recommends "false";\n'
        'Acquire::Languages "none"; APT::Sandbox::User "root";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
    for command in (["update"], ["-y", "--download-only", "install", *PACKAGES]):
        _run(["apt-get", "-qq", *command], environment)
    # The usual links first, so that old and new paths of packages meet in one place.
    for name in ("bin", "sbin", "lib", *(["lib64"] if architecture == "amd64" else [])):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    skip = [f"--exclude={each}" for each in UNNEEDED]
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
        ) as archive:
            into = ["tar", "-C", str(root), "-xf", "-", "--keep-directory-symlink", *skip]
            subprocess.run(into, stdin=archive.stdout, check=True)
        if archive.returncode:
            raise RuntimeError(f"dpkg-deb could not read {package.name}")


def _mirror() -> str | None:
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in (each for each in sources if each.is_file()):
        for line in source.read_text(errors="replace").splitlines():
            found = re.search(r"https?://\S+/debian/?(?=\s|$)", line)
            if found and not line.lstrip().startswith("#"):
                return found.group()
    return None


def _furnish(architecture: str, root: Path) -> None:
    shell = root / "usr" / "bin" / "sh"
    shell.unlink(missing_ok=True)
    shell.symlink_to("mksh")
    for folder in ("data", "dev", "proc", "sys", "system", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "sdcard").symlink_to("data/media/0")
    # Each device copies them to a /system of its own.
    programs = root / "usr" / "share" / "phone" / "bin"
    programs.mkdir(parents=True)
    for tool in (*TOOLS.split(), "sh"):
        (programs / tool).symlink_to("/bin/mksh" if tool == "sh" else "/bin/toybox")
    for stub in STUBS.iterdir():
        shutil.copy(stub, programs / stub.name)
        (programs / stub.name).chmod(0o755)
    library = root / "usr" / "lib" / "adbd_shim.so"
    compiler = COMPILERS[architecture]
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC"]
    _run([compiler, *flags, str(SHIM), "-o", str(library), "-ldl"], dict(os.environ))


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
