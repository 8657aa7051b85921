"""The ``storage:sqlite`` backend. Strings only: the module loads when the backend is chosen."""

from chronik.plugin import BackendMaker

sqlite = BackendMaker(
    "storage",
    "sqlite",
    "Logs in a SQLite database for each directory of log.dirs.",
    "Batches are rows, committed in groups with synchronous=FULL. page.bytes (16384): page size of a new database, a power of two from 512 to 65536. "
    "wal.bytes (16777216): how large the write-ahead log grows before it is folded into the database. "
    "cache.bytes (8388608): page cache of each connection.",
    "chronik.storage.interfaces:ILogStore",
    "chronik_storage_sqlite.store:make",
)
