"""Follow "On one bare Debian" of docs/operations.md word for word, in a new Debian in a folder, and buy a car there.

`make bare`, as root, with debootstrap and a mirror of Debian's packages at hand. The folder has no init, so a stand-in
for systemctl starts what the units say; everything else is what a reader of the page types. Ports 5432, 6379, 8000 (on
127.0.0.2 and .3) and 8080 of this machine have to be free.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
PAGE, HEADING = ROOT / "docs" / "operations.md", "## On one bare Debian"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SYSTEMCTL = r"""#!/usr/bin/env python3
import configparser, os, pathlib, shlex, subprocess, sys
units = [name for name in sys.argv[1:] if name.startswith("autosalon-")] if "--now" in sys.argv else []
for name in units:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(f"/etc/systemd/system/{name}.service")
    service = unit["Service"]
    lines = pathlib.Path(service["EnvironmentFile"]).read_text().splitlines()
    env = {"PATH": os.environ["PATH"], **dict(line.split("=", 1) for line in lines if line)}
    log = open(f"/var/log/{name}.log", "ab")
    command = shlex.split(service["ExecStart"].replace("%%", "%"))
    process = subprocess.Popen(
        command, cwd=service["WorkingDirectory"], env=env, user=service["User"], group=service["User"],
        extra_groups=[], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )
    pathlib.Path(f"/run/{name}.pid").write_text(str(process.pid))
"""


def read_blocks(page: str) -> list[str]:
    """Return the shell blocks of the page's section on a bare Debian, in their order. Raises ValueError without any."""
    section = page.partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"{PAGE.name} has no commands under «{HEADING}»")
    return found


def main() -> None:
    """Make a Debian, follow the page in it, say how long each block took, and take everything down again."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("make bare: be root, and have debootstrap (apt-get install debootstrap)")
    console, began = Console(), time.monotonic()
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="bare-"))
    if not (folder / "etc" / "debian_version").exists():
        with console.status("debootstrap"):
            _run(["debootstrap", "--variant=minbase", "bookworm", str(folder), MIRROR])
    _put_code(folder)
    followed = time.monotonic()
    try:
        for block in (blocks := read_blocks(PAGE.read_text())):
            words = _follow(folder, block, console)
            if block is blocks[-1]:
                console.print(words, markup=False)
    finally:
        _take_down(folder)
    ended = time.monotonic()
    console.print(f"followed in {ended - followed:.0f} s, {followed - began:.0f} s more to have a Debian; in {folder}")


def _put_code(folder: Path) -> None:
    """Unpack the last commit where the page expects it, trust what this machine trusts, stand in for systemctl."""
    (folder / "srv" / "autosalon").mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder / "srv" / "autosalon")], input=archive, check=True)
    stand_in = folder / "usr" / "local" / "bin" / "systemctl"
    stand_in.write_text(SYSTEMCTL)
    stand_in.chmod(0o755)
    trusted = folder / "usr" / "local" / "share" / "ca-certificates"
    shutil.copytree("/usr/local/share/ca-certificates", trusted, dirs_exist_ok=True)
    if (folder / "usr" / "sbin" / "update-ca-certificates").exists():
        _run(["chroot", str(folder), "update-ca-certificates"])
    shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    (folder / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    for name in ("proc", "dev", "sys"):
        if not os.path.ismount(folder / name):
            _run(["mount", "--rbind", f"/{name}", str(folder / name)])
            _run(["mount", "--make-rslave", str(folder / name)])


def _follow(folder: Path, block: str, console: Console) -> str:
    """Run one block as root types it, and return what it said; a command that fails ends the walk."""
    began = time.monotonic()
    first = block.strip().splitlines()[0]
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    env |= {"DEBIAN_FRONTEND": "noninteractive", "PIP_CERT": "/etc/ssl/certs/ca-certificates.crt"}
    command = ["chroot", str(folder), "bash", "-euo", "pipefail", "-c", block]
    with console.status(first), tempfile.TemporaryFile("w+") as said:
        ended = subprocess.run(command, env=env, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        said.seek(0)
        words = said.read()
    if ended.returncode:
        console.print(words[-6000:], markup=False)
        sys.exit(f"the page cannot be followed: «{first}» and what comes after it ended with {ended.returncode}")
    console.print(f"{time.monotonic() - began:6.1f} s  {first}", markup=False)
    return words


def _take_down(folder: Path) -> None:
    """End what was started in the folder, whatever it is, and let go of what is mounted."""
    for link in Path("/proc").glob("[0-9]*/root"):
        try:
            if os.readlink(link) == str(folder):
                os.kill(int(link.parent.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue
    time.sleep(1)
    for name in ("proc", "dev", "sys"):
        subprocess.run(["umount", "--recursive", "--lazy", str(folder / name)], check=False)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
