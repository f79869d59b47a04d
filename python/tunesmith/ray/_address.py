"""Where a study is, so that another process, in whatever folder it runs, opens the same one. Refuses studies in memory:
they belong to one process.
"""

import socket
from dataclasses import dataclass
from pathlib import Path

from .._study import Study, _reopen

SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Address:
    """What it takes to open a study again."""

    storage: str
    """Its storage; the path of a file is absolute."""
    name: str
    """Its name there."""
    steps: int | None
    """The steps of every trial's schedule, where all have the same."""
    runs: str
    """The folder for checkpoints, absolute."""
    machine: str
    """The machine on which it was written down."""

    @staticmethod
    def of(study: Study) -> "Address":
        """The address of a study.

        Raises:
            ValueError: It is in memory.
        """
        if study.storage == "memory:":
            raise ValueError(
                f"the study {study.name} is in memory, where no other process sees it; give it a `storage`: the path "
                "of a file where all work is on one machine, else postgres://… or the http://… of `tunesmith serve`"
            )
        runs = str(study.folder.parent.absolute())
        return Address(absolute(study.storage), study.name, study.steps, runs, this_machine())

    @property
    def is_file(self) -> bool:
        """Whether the storage is a file, which one machine sees."""
        return "://" not in self.storage or self.storage.startswith(SQLITE)

    def open(self) -> Study:
        """Opens the study.

        Raises:
            StorageError: The storage cannot be used from here.
            ValueError: It has no such study, or is a file of another machine.
        """
        if self.is_file and this_machine() != self.machine:
            raise ValueError(
                f"the study {self.name} is in the file {self.storage} of another machine than {socket.gethostname()}; "
                "SQLite serves the processes of one machine: give the study a `storage` of postgres://…, "
                "or the http://… of `tunesmith serve`"
            )
        return _reopen(self.storage, self.name, self.steps, self.runs)


def absolute(storage: str) -> str:
    """The same storage from whatever folder."""
    if storage.startswith(SQLITE):
        return SQLITE + str(Path(storage.removeprefix(SQLITE)).absolute())
    return storage if ":" in storage else str(Path(storage).absolute())


def this_machine() -> str:
    """What tells this machine, since it was started, from all others; its name where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()
