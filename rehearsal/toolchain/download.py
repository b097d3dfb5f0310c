"""Official downloads, held to the checksum that this project knows."""

import hashlib
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from rehearsal.toolchain.cache import Say, heartbeat
from rehearsal.toolchain.pins import Archive

_TIMEOUT = 20.0
_BLOCK = 1 << 20


class NoDownloadError(Exception):
    """The archive cannot be had from here, or is not the one that this project knows."""


def unpack(archive: Archive, folder: Path, say: Say) -> None:
    """Download the archive and put its programs into ``folder``.

    Raises:
        NoDownloadError: no network, another answer than the archive, or another checksum.
    """
    say(f"downloading {archive.url}")
    with tempfile.TemporaryFile() as file:
        try:
            with (
                heartbeat(lambda: f"still downloading {archive.url.rpartition('/')[2]}", say),
                urllib.request.urlopen(archive.url, timeout=_TIMEOUT) as answer,  # noqa: S310 - pins.json's addresses
            ):
                shutil.copyfileobj(answer, file, _BLOCK)
        except (urllib.error.URLError, OSError) as error:
            raise NoDownloadError(f"{getattr(error, 'reason', error)}") from error
        _verify(file, archive)
        file.seek(0)
        _extract(file, archive, folder)


def _verify(file: IO[bytes], archive: Archive) -> None:
    name, _, expected = archive.checksum.partition(":")
    file.seek(0)
    digest = hashlib.new(name)
    while block := file.read(_BLOCK):
        digest.update(block)
    actual = digest.hexdigest()
    if actual != expected:
        raise NoDownloadError(f"its {name} is {actual}, expected {expected}: it is not used")


def _extract(file: IO[bytes], archive: Archive, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            for member in tar:
                path = Path(member.name)
                if not member.isfile() or str(path.parent) != archive.inside:
                    continue
                content = tar.extractfile(member)
                if content is None:
                    continue
                target = folder / path.name
                with target.open("wb") as out:
                    shutil.copyfileobj(content, out, _BLOCK)
                target.chmod(0o755)
    except (tarfile.TarError, EOFError) as error:
        raise NoDownloadError(f"it is not a readable archive ({error})") from error
