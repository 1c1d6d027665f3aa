"""What pyproject.toml cannot say: two builds of the same sources are the same, byte for byte, on each machine; and the
links of README.md lead somewhere on the page of the package index, too.

All files have the time SOURCE_DATE_EPOCH, in seconds since 1970, or 2 February 2020 where that is not set.
"""

import gzip
import os
import re
import tarfile
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.sdist import sdist

os.environ.setdefault("SOURCE_DATE_EPOCH", "1580601600")  # setuptools gives it to the files of a wheel
os.umask(0o022)  # a wheel has the modes of the files from which it is made


class Reproducible(sdist):
    def make_archive(self, base_name: Any, *_: Any, base_dir: Any = None, **__: Any) -> str:
        """The archive without what differs from build to build: times, users, modes."""
        archive = f"{base_name}.tar.gz"
        Path(archive).parent.mkdir(parents=True, exist_ok=True)
        with (
            Path(archive).open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.add(base_dir, filter=_alike)
        return archive


def _alike(file: tarfile.TarInfo) -> tarfile.TarInfo:
    file.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
    file.uid = file.gid = 0
    file.uname = file.gname = ""
    file.mode = 0o755 if file.isdir() or file.mode & 0o100 else 0o644
    return file


def _readme() -> str:
    """README.md with links below the address of the repository, which stands in pyproject.toml alone."""
    here = Path(__file__).parent
    repository = tomllib.loads((here / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
    links = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?!\w+:|#)(?P<path>[^)]+)\)")
    return links.sub(
        lambda found: (
            f"{found['image']}{found['text']}({repository}/{'raw' if found['image'] else 'blob'}/main/{found['path']})"
        ),
        (here / "README.md").read_text("utf-8"),
    )


setup(
    cmdclass={"sdist": Reproducible},
    long_description=_readme(),
    long_description_content_type="text/markdown",
)
