#!/usr/bin/env python3
"""Prints cobatch.h as declarations alone, the form that cffi's `cdef` and parsers of other languages take.

    capi/make_cdef.py capi/cobatch.h >capi/cobatch.cdef.h

Comments, directives, macros and what is only for C++ are left out; the declarations stay as they are written.
"""

import re
import sys

LEFT_OUT = (
    r"(?s)/\*.*?\*/",
    r"(?ms)^#ifdef __cplusplus\n.*?^#endif\n",
    r"(?m)^#(?:.*\\\n)*.*\n",
    r"\bCOBATCH_API ",
    r"(?m)[ \t]+$",
    r"(?<=\n\n)\n+",
)


def cdef(header: str) -> str:
    for pattern in LEFT_OUT:
        header = re.sub(pattern, "", header)
    return header.strip() + "\n"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as source:
        sys.stdout.write(cdef(source.read()))
