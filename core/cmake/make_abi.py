"""Writes opwright/_abi.py, the out-of-line cffi module (ABI mode: no compiler), from kernel.h and runtime.h.

usage: make_abi.py OUTPUT HEADER...
"""

import re
import sys
from pathlib import Path

from cffi import FFI


def declarations(header: str) -> str:
    """What stands between `cdef begin` and `cdef end`."""
    text = Path(header).read_text()
    (body,) = re.findall(r"/\* cdef begin.*?\*/(.*?)/\* cdef end \*/", text, re.S)
    return body


def main() -> None:
    output, *headers = sys.argv[1:]
    ffi = FFI()
    for header in headers:
        ffi.cdef(declarations(header))
    ffi.cdef("const ow_library *ow_library_v1(const ow_host *host);")
    ffi.set_source("opwright._abi", None)
    ffi.emit_python_code(output)


main()
