"""Puts a search process together: the one module of it that knows all others, and the reactor."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorSocket, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import globalLogBeginner, textFileLogObserver

from chronik.network.channel import KafkaChannel
from chronik.search.interfaces import ISearchBackend
from chronik.search.supervisor import CONTROL_FD, INDEX_FD, READ_FD
from chronik.search.wire import ControlProtocol, Head
from chronik.search.worker.indexer import Indexer
from chronik.search.worker.limits import IndexLimits
from chronik.search.worker.lookup import RecordLookup
from chronik.search.worker.process import SearchProcess
from chronik.search.worker.searcher import Searcher
from chronik.search.worker.source import FetchSource
from chronik.search.worker.threads import IndexThreads
