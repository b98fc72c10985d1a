# SPDX-License-Identifier: GPL-2.0-only
"""apt, and a private view of a suite that this machine's apt does not follow."""

import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile

from .common import KERNELS, LabError, locked, run, say

# Where a kernel is found that the machine's own lists lack: its alias, or the name's mark.
SUITES = {"7.2": "sid", "+deb13": "trixie", "+deb14": "sid"}


class Apt:
    """Asks for packages with the machine's configuration, or with one suite's lists of its own:
    those of its binary packages, or of its sources."""

    def __init__(self, suite=None, source=False):
        self.options = []
        if suite:
            self._private(suite, source)

    def _private(self, suite, source):
        name = f".apt-{suite}" + ("-src" if source else "")
        place = KERNELS / name
        with locked(KERNELS / f"{name}.lock", f"waiting for the lists of {suite}"):
            (place / "lists/partial").mkdir(parents=True, exist_ok=True)
            (place / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
            mirrors = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"]).decode().split()
            mirror = next((m for m in mirrors if m.rstrip("/").endswith("/debian")), None)
            if not mirror:
                raise LabError(f"no Debian mirror in apt's sources to fetch {suite} from")
            sources = place / "sources.list"
            sources.write_text(f"deb{'-src' if source else ''} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
                               f"{mirror} {suite} main\n")
            self.options = ["-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null",
                            "-o", f"Dir::State::Lists={place}/lists", "-o", f"Dir::Cache={place}/cache",
                            "-o", "Acquire::Check-Valid-Until=false",
                            # else an update that fetched nothing is none that failed
                            "-o", "APT::Update::Error-Mode=any", "-o", "APT::Sandbox::User=root"]
            if not (place / ".complete").exists():
                say(f"fetching the package lists of {suite}")
                run(["apt-get", *self.options, "update"])
                (place / ".complete").touch()

    def refresh(self):
        """Fetches the lists anew: the archive has moved on."""
        say("fetching the package lists again")
        run(["apt-get", *self.options, "update"])

    def names(self, prefix):
        return run(["apt-cache", *self.options, "pkgnames", prefix]).decode().split()

    def download(self, package, folder):
        """Fetches one package into folder and returns the file."""
        run(["apt-get", *self.options, "download", package], cwd=folder)
        found = list(folder.glob(f"{package}_*.deb"))
        if not found:
            raise LabError(f"apt-get download {package}: no package came")
        return found[0]

    def source(self, package, name, folder):
        """Fetches one file of a source package into folder and returns it.

        Other files of it may be gone from the archive: what counts is that this one is what the
        signed index says. Lists that are older than the archive are fetched anew, once.
        """
        try:
            return self._source(package, name, folder)
        except LabError:
            self.refresh()
            return self._source(package, name, folder)

    def _source(self, package, name, folder):
        listed = run(["apt-cache", *self.options, "showsrc", package]).decode()
        wanted = re.search(rf"^ ([0-9a-f]{{64}}) \d+ {re.escape(name)}$", listed, re.M)
        if not wanted:
            raise LabError(f"{package}: the archive's index has no {name}")
        with tempfile.TemporaryDirectory(dir=KERNELS) as work:
            subprocess.run(["apt-get", *self.options, "source", "--download-only", package], cwd=work,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            came = pathlib.Path(work) / name
            if not came.exists():
                raise LabError(f"{name}: cannot be fetched")
            if hashlib.sha256(came.read_bytes()).hexdigest() != wanted[1]:
                raise LabError(f"{name}: not what the archive's index says")
            folder.mkdir(parents=True, exist_ok=True)
            return pathlib.Path(shutil.move(came, folder / name))
