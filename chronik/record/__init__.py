"""RecordBatch v2: headers, validation, iteration, building, compression. No Twisted, no I/O."""
