"""Files, records of them, examples in records, rows of comma-separated values."""

from opwright import hookimpl

from opwright_io import csv, examples, files, gfile, parsing, raw, records


@hookimpl
def opwright_register_ops(register):
    register(files, gfile, raw, csv, records, examples, parsing)
