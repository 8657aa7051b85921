"""Whose a log directory is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from chronik.errors import ChronikError
from chronik.storage.checkpoints import META_PROPERTIES, BadCheckpoint, DirectoryIdentity

if TYPE_CHECKING:
    from chronik.storage.interfaces import IFileSystem


def identify(file_system: IFileSystem, path: str, expected: DirectoryIdentity) -> None:
    """In a thread: refuse a directory of another cluster or broker; mark a new one as ``expected`` says.

    :raises ChronikError: it must not be used; says why.
    :raises OSError: the disk refuses.
    """
    name = os.path.join(path, META_PROPERTIES)
    if not file_system.exists(name):
        # A new directory: its own name must last as long as what is in it.
        file_system.sync_directory(os.path.dirname(path))
        file_system.write_whole(name, expected.encode())
        return
    try:
        identity = DirectoryIdentity.decode(file_system.read_whole(name))
    except BadCheckpoint as error:
        raise ChronikError(f"{name} cannot be used: {error}") from None
    if identity.cluster_id != expected.cluster_id:
        raise ChronikError(
            f"log directory {path} belongs to cluster {identity.cluster_id}, not to {expected.cluster_id}, whose metadata this broker has: choose "
            "another with log.dirs, or restore the metadata directory if it was lost"
        )
    if identity.node_id != expected.node_id:
        raise ChronikError(f"log directory {path} belongs to broker {identity.node_id}, this one is {expected.node_id} (node.id)")
