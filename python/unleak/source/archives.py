"""Source files inside zip archives: `app.pyz/shop/cart.py`. An archive is a target's and hostile: sizes are bounded."""

import errno
import os
import stat
import zipfile
import zlib
from typing import Callable, Dict, Optional, Tuple

_MAX_ARCHIVES = 16
_MAX_BYTES = 1 << 30  # of an archive
_MAX_DEPTH = 64
Opener = Callable[[str], int]


class Archives:
    """The archives of one target, each opened once."""

    def __init__(self) -> None:
        self._open: Dict[str, Optional[Tuple[zipfile.ZipFile, float]]] = {}

    def close(self) -> None:
        """Closes what was opened."""
        for entry in self._open.values():
            if entry is not None:
                entry[0].close()
        self._open.clear()

    def read(self, path: str, opener: Opener, limit: int) -> Tuple[bytes, float]:
        """Bytes of a file in an archive, and when the archive was changed; OSError says why there are none."""
        archive = path
        for _ in range(_MAX_DEPTH):
            archive = os.path.dirname(archive)
            if len(archive) <= 1:
                break
            found = self._archive(archive, opener)
            if found is not None:
                return _member(found[0], path[len(archive) + 1 :], limit), found[1]
        raise OSError(errno.ENOTDIR, "no folder, and no zip archive")

    def _archive(self, path: str, opener: Opener) -> Optional[Tuple[zipfile.ZipFile, float]]:
        if path not in self._open:
            if len(self._open) >= _MAX_ARCHIVES:
                raise OSError(errno.EMFILE, "in one of too many archives")
            self._open[path] = _opened(path, opener)
        return self._open[path]


def _opened(path: str, opener: Opener) -> Optional[Tuple[zipfile.ZipFile, float]]:
    """The archive at a path; None where it is not a regular file or no archive."""
    try:
        fd = opener(path)
    except OSError:
        return None
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_size > _MAX_BYTES:
        os.close(fd)
        return None
    file = os.fdopen(fd, "rb")
    try:
        return zipfile.ZipFile(file), info.st_mtime
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, MemoryError):
        file.close()
        return None


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        with archive.open(name) as file:
            data = file.read(limit + 1)
    except KeyError:
        raise OSError(errno.ENOENT, "not in the archive") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        MemoryError,
    ) as error:
        raise OSError(errno.EIO, "the archive cannot be read: %s" % error) from None
    if len(data) > limit:
        raise OSError(errno.EFBIG, "larger than %d MiB" % (limit >> 20))
    return data
