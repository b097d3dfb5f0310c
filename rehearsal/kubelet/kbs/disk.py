"""The files of a KBS container: what is mounted, and what KBS wrote itself.

A ConfigMap or Secret that is mounted as a folder cannot be written to, and KBS ends at start where it wants to put a
default there. A key that is mounted with a subPath and does not exist becomes an empty folder, as the kubelet makes it;
its path is given with a slash at the end.
"""

from collections.abc import Callable, Mapping

Files = Callable[[], Mapping[str, str]]
"""What is mounted now: content by absolute path."""


class DiskError(Exception):
    """A file cannot be read or written; the message is the operating system's."""


class Disk:
    """The files that KBS sees at one moment."""

    def __init__(self, mounted: Mapping[str, str], written: dict[str, str], writable: tuple[str, ...]) -> None:
        """Take what is mounted, what KBS has written so far, and the folders that are no mounts of their own."""
        self._mounted, self._written, self._writable = mounted, written, writable

    def read(self, path: str) -> str:
        """Return a file's content; raises DiskError."""
        if self._is_folder(path):
            raise DiskError("Is a directory (os error 21)")
        for files in (self._mounted, self._written):
            if path in files:
                return files[path]
        raise DiskError("No such file or directory (os error 2)")

    def exists(self, path: str) -> bool:
        """Return whether a file or folder is there."""
        return path in self._mounted or path in self._written or self._is_folder(path)

    def provide(self, path: str, text: str) -> None:
        """Write a file unless something is there already; raises DiskError."""
        if self.exists(path):
            return
        folder = path.rpartition("/")[0]
        if self._is_mount(folder):
            raise DiskError("Read-only file system (os error 30)")
        self._written[path] = text

    def _is_folder(self, path: str) -> bool:
        start = f"{path.rstrip('/')}/"
        return any(each.startswith(start) for files in (self._mounted, self._written) for each in files)

    def _is_mount(self, folder: str) -> bool:
        if any(folder == each or folder.startswith(f"{each}/") for each in self._writable):
            return False
        return any(each.rpartition("/")[0] == folder for each in self._mounted if not each.endswith("/"))
