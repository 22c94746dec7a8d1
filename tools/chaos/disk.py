"""A file system of Postgres' own, in memory, so that it can be full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_BYTES = 4 << 30  # more than a run writes; memory is used as it is written


class Disk:
    """Mounted at a directory, for its owner; where that is not allowed, the directory stays as it is."""

    def __init__(self, path: Path, uid: int, gid: int) -> None:
        self._path = path
        options = f"size={SIZE_BYTES},mode=0711,uid={uid},gid={gid}"
        self.is_mounted = os.geteuid() == 0 and self._mount("-t", "tmpfs", "-o", options, "none")

    @contextmanager
    def full(self) -> Iterator[None]:
        """Its size is what it holds now."""
        attempts = 20  # Postgres writes between the two calls
        while not self._mount("-o", f"remount,size={shutil.disk_usage(self._path).used}"):
            attempts -= 1
            if not attempts:
                raise RuntimeError("The file system could not be filled.")
        try:
            yield
        finally:
            if not self._mount("-o", f"remount,size={SIZE_BYTES}"):
                raise RuntimeError("The file system stays full.")

    def unmount(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "-l", self._path], check=False)
            self.is_mounted = False

    def _mount(self, *arguments: str) -> bool:
        return subprocess.run(["mount", *arguments, self._path], check=False, stderr=subprocess.DEVNULL).returncode == 0
