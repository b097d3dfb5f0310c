"""A root of files of its own for a real program that reads absolute paths, without being root.

A user namespace lets anybody mount (user_namespaces(7)): the folder gets the machine's programs and libraries, and
beside them only what is written here. It lies in the rehearsal's own folder.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

FORBIDDEN = (
    "a real program needs a root of files of its own, and this machine lets nobody make one (`unshare --map-root-user "
    "--mount true` fails). As root: `sysctl -w user.max_user_namespaces=10000`, on Ubuntu also `sysctl -w "
    "kernel.apparmor_restrict_unprivileged_userns=0`; in a container: start it with `--security-opt seccomp=unconfined`"
)
LIBRARIES = "LD_LIBRARY_PATH"
"""Environment variable with folders of libraries that a program of another machine needs (ld.so(8))."""
_OF_MACHINE = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "sys", "etc/ssl", "etc/pki")
_COPIED = ("ld.so.cache", "resolv.conf", "hosts", "nsswitch.conf", "passwd", "group", "localtime")


@cache
def way() -> Sequence[str] | None:
    """Return the options of ``unshare`` with which this user may mount, or None where none do."""
    for options in (("--map-root-user", "--mount"), ("--mount",)):
        command = ["unshare", *options, "true"]
        if shutil.which("unshare") and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return options
    return None


class OwnRoot:
    """The folder, and how a program is started in it."""

    def __init__(self, folder: Path, *, own_proc: bool = False) -> None:
        """Make it anew.

        Args:
            folder: where it lies; what was there is removed.
            own_proc: whether ``/proc`` holds only what is written here: this machine's may lack a file.
        """
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self._binds: dict[str, Path] = {}
        self._read_only: list[str] = []
        for name in (*_OF_MACHINE, *(() if own_proc else ("proc",))):
            source = Path("/", name)
            if source.is_symlink() and not name.startswith("etc/"):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).symlink_to(source.readlink())
            elif source.is_dir():
                self.bind(f"/{name}", source)
        for each in os.environ.get(LIBRARIES, "").split(":"):
            if Path(each).is_absolute() and Path(each).is_dir():
                self.bind(each, Path(each))
        for name in _COPIED:
            if (file := Path("/etc", name)).is_file():
                self.write(f"/etc/{name}", file.read_bytes())
        self.make("/tmp")  # noqa: S108 - in the root

    def bind(self, path: str, source: Path) -> None:
        """Have a folder of the machine, with what is mounted below it, at this path."""
        self.make(path)
        self._binds[path] = source

    def make(self, path: str, *, read_only: bool = False) -> None:
        """Make an empty folder."""
        self._at(path).mkdir(parents=True, exist_ok=True)
        if read_only:
            self._read_only.append(path)

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file, all of it or nothing, readable by its owner only; the program may run already."""
        target = self._at(path)
        data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        if target.is_file() and target.read_bytes() == data:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.touch(mode=0o600)
        part.write_bytes(data)
        part.replace(target)

    def write_all(self, files: Mapping[str, str]) -> None:
        """Write files by their path; a path with a slash at its end is a folder."""
        for path, content in files.items():
            if path.endswith("/"):
                self.make(path)
            else:
                self.write(path, content)

    def command(self, program: Path, name: str, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs a program of the machine, by a name of its own, with these files."""
        self.write(name, b"")
        at, quoted = self._at, shlex.quote
        lines = [f"mount --rbind {quoted(str(source))} {quoted(str(at(path)))}" for path, source in self._binds.items()]
        lines.append(f"mount --bind {quoted(str(program))} {quoted(str(at(name)))}")
        for path in self._read_only:
            folder = quoted(str(at(path)))
            # Where the rehearsal's folder is mounted with flags of its own this fails, and the folder stays writable.
            lines.append(f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} || true")
        lines.append(f'exec chroot {quoted(str(self.folder))} /{quoted(name)} "$@"')
        return ["unshare", *(way() or ()), "/bin/sh", "-ec", "\n".join(lines), "sh", *arguments]

    def _at(self, path: str) -> Path:
        return self.folder / path.strip("/")
