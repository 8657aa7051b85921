"""What makers of metadata stores are given, and the makers of the two that come with Chronik."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronik.errors import ConfigurationError
from chronik.metadata.file import FileMetadataStore
from chronik.metadata.interfaces import IMetadataStore
from chronik.metadata.memory import MemoryMetadataStore

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.defer import IThreadPools
    from chronik.storage.interfaces import IFileSystem

DIRECTORY = ".metadata"
"""Name of the store's directory in the first log directory; no partition's directory begins with a dot and has no number."""


@dataclass(frozen=True, slots=True)
class MetadataContext:
    """What a maker may use.

    :ivar directory: absolute path of the first log directory; a store keeps its files in a directory of its own below it.
    :ivar pools: where what blocks goes.
    :ivar clock: times leases.
    :ivar random: gives that many random bytes.
    :ivar others: absolute paths of the other log directories.
    """

    directory: str
    file_system: IFileSystem
    pools: IThreadPools
    clock: IReactorTime
    random: Callable[[int], bytes] = os.urandom
    others: Sequence[str] = ()


def make_file_store(context: MetadataContext, options: Mapping[str, str]) -> IMetadataStore:
    """The ``file`` store."""
    _no_options("file", options)
    directory, *others = (os.path.join(each, DIRECTORY) for each in (context.directory, *context.others))
    worker = context.pools.worker("metadata")
    return FileMetadataStore(context.file_system, directory, worker, context.clock, random=context.random, others=others)


def make_memory_store(context: MetadataContext, options: Mapping[str, str]) -> IMetadataStore:
    """The ``memory`` store."""
    _no_options("memory", options)
    return MemoryMetadataStore(context.clock)


def _no_options(name: str, options: Mapping[str, str]) -> None:
    if options:
        raise ConfigurationError(f"plugin.metadata.{name} has no option {', '.join(sorted(options))}")
