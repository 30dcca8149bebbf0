"""Reads files of a target under the target's own root.

A path comes from the target and is hostile: it may be a link out of the root, a FIFO that never answers or a
file of any size. It is opened by openat2(RESOLVE_IN_ROOT) where the kernel has it (Linux 5.6), else component
by component with every link resolved here; only regular files up to a limit are read. Errors become notes.
"""

import ctypes
import errno
import io
import os
import platform
import re
import stat
import tokenize
from typing import Callable, Dict, List, Optional, Tuple

from .archives import Archives

MAX_FILE_BYTES = 32 << 20
CHANGED = " was changed after the program started: lines may be off"

_OPENAT2 = {"x86_64": 437, "aarch64": 437}.get(platform.machine())
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_MAX_LINKS = 40
_BUSY_TRIES = 8
_MAX_NAMES = 20000
_NEWLINE = re.compile(r"\r\n|\r|\n")


class _OpenHow(ctypes.Structure):
    """struct open_how of <linux/openat2.h>."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def _openat2(root_fd: int, path: str) -> int:
    """Opens `path` under `root_fd`; OSError with ENOSYS where the kernel or a sandbox has no openat2."""
    if _OPENAT2 is None:
        raise OSError(errno.ENOSYS, "openat2 is not known on this machine")
    libc = ctypes.CDLL(None, use_errno=True)
    how = _OpenHow(_OPEN_FLAGS, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    name = os.fsencode(path)
    code = 0
    for _ in range(_BUSY_TRIES):  # EAGAIN: a rename elsewhere raced with the resolution
        fd = libc.syscall(
            ctypes.c_long(_OPENAT2),
            ctypes.c_int(root_fd),
            ctypes.c_char_p(name),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code != errno.EAGAIN:
            break
    raise OSError(errno.ENOSYS if code == errno.EPERM else code, os.strerror(code), path)


def _open_by_walk(root_fd: int, path: str) -> int:
    """Opens `path` one component at a time; links are resolved here, so that none leaves the root."""
    todo = [part for part in path.split("/") if part and part != "."]
    folders = [os.dup(root_fd)]  # the way from the root to where we are
    links = 0
    try:
        while todo:
            part = todo.pop(0)
            if part == "..":
                if len(folders) > 1:
                    os.close(folders.pop())
                continue
            info = os.stat(part, dir_fd=folders[-1], follow_symlinks=False)
            if stat.S_ISLNK(info.st_mode):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                link = os.readlink(part, dir_fd=folders[-1])
                if link.startswith("/"):
                    while len(folders) > 1:
                        os.close(folders.pop())
                todo[:0] = [p for p in link.split("/") if p and p != "."]
            elif todo:
                flags = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
                folders.append(os.open(part, flags, dir_fd=folders[-1]))
            else:
                return os.open(part, _OPEN_FLAGS | os.O_NOFOLLOW, dir_fd=folders[-1])
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    finally:
        for fd in folders:
            os.close(fd)


def _read_regular(fd: int, limit: int) -> Tuple[bytes, float]:
    """Bytes and modification time of an open regular file; OSError says what is wrong with it."""
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if info.st_size > limit:
        raise OSError(errno.EFBIG, "larger than %d MiB" % (limit >> 20))
    parts: List[bytes] = []
    have = 0
    while have <= limit:
        part = os.read(fd, min(1 << 20, limit + 1 - have))
        if not part:
            return b"".join(parts), info.st_mtime
        parts.append(part)
        have += len(part)
    raise OSError(errno.EFBIG, "larger than %d MiB" % (limit >> 20))


def decode(data: bytes) -> str:
    """Text of a source file by its BOM or coding line (PEP 263); SyntaxError or UnicodeDecodeError if it has none that fits."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def split_lines(text: str) -> List[str]:
    """Lines as the parser counts them: \\n, \\r\\n and \\r end one, form feeds do not."""
    return _NEWLINE.split(text)


class TargetFiles:
    """Files of one target, each read once. `notes` says which could not be read, and which are newer than the program."""

    def __init__(
        self, root: str = "", *, cwd: str = "", started: Optional[float] = None, max_bytes: int = MAX_FILE_BYTES
    ) -> None:
        self.root = root
        self.cwd = cwd
        self.started = started
        self.max_bytes = max_bytes
        self.notes: List[str] = []
        self._root_fd: Optional[int] = None
        self._data: Dict[str, Optional[bytes]] = {}
        self._openat2_works = True
        self._archives = Archives()

    def close(self) -> None:
        """Gives the descriptors of the root and of archives back."""
        self._archives.close()
        if self._root_fd is not None:
            os.close(self._root_fd)
            self._root_fd = None

    def __enter__(self) -> "TargetFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, path: str, *, quiet: bool = False) -> Optional[bytes]:
        """Content of a source file; None with a note (unless `quiet`) if it cannot be read."""
        if path not in self._data:
            self._data[path] = self._load(path, quiet)
        return self._data[path]

    def forget(self, path: str) -> None:
        """Frees the bytes of a file that will not be asked for again soon."""
        self._data.pop(path, None)

    def _load(self, path: str, quiet: bool) -> Optional[bytes]:
        if not path or path.startswith("<") or "\0" in path:
            return None
        full = path if path.startswith("/") else os.path.join(self.cwd, path) if self.cwd else path
        try:
            data, changed = self._content(full)
        except OSError as error:
            if not quiet:
                self.notes.append("%s could not be read: %s" % (path, error.strerror or error))
            return None
        if self.started is not None and changed > self.started and not quiet:
            self.notes.append(path + CHANGED)
        return data

    def _content(self, path: str) -> Tuple[bytes, float]:
        try:
            fd = self._open(path)
        except NotADirectoryError:  # in an archive: a zipapp, an egg, a zip file on sys.path
            return self._archives.read(path, self._open, self.max_bytes)
        try:
            return _read_regular(fd, self.max_bytes)
        finally:
            os.close(fd)

    def folder(self, path: str) -> List[str]:
        """Names in a folder, sorted; [] if it cannot be listed."""
        try:
            fd = self._open(path)
        except OSError:
            return []
        try:
            return sorted(os.listdir(fd))[:_MAX_NAMES]
        except OSError:
            return []
        finally:
            os.close(fd)

    def _open(self, path: str) -> int:
        if not self.root:
            return os.open(path, _OPEN_FLAGS)
        if self._root_fd is None:
            self._root_fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if self._openat2_works:
            try:
                return _openat2(self._root_fd, path)
            except OSError as error:
                if error.errno != errno.ENOSYS:
                    raise
                self._openat2_works = False
        return _open_by_walk(self._root_fd, path)


def names_in(root: str) -> Callable[[str], List[str]]:
    """Lists folders under a target's root."""

    def names(path: str) -> List[str]:
        with TargetFiles(root) as files:
            return files.folder(path)

    return names
