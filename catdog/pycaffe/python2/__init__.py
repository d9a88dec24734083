"""What a script of Python 2 relies on and Python 3 does otherwise: translated scripts call it.

A `str` of Python 2 is a row of bytes that is used as text as well. Here text is `str`, in which
bytes that are no UTF-8 stand as lone surrogates (PEP 383), so that nothing is lost on the way back;
what certainly is bytes is a ByteString, which behaves as text where text is wanted.
"""

from functools import reduce

from catdog.pycaffe.python2.arrays import asscalar, frombuffer, fromstring, ratio
from catdog.pycaffe.python2.builtin import (
    KINDS,
    cmp,
    filtered,
    kind_of,
    mapped,
    message,
    setdefaultencoding,
    sort,
    sorted_by,
)
from catdog.pycaffe.python2.comparing import compares
from catdog.pycaffe.python2.fields import for_field
from catdog.pycaffe.python2.file import File, binary, lines, opened
from catdog.pycaffe.python2.numbers import Divisor, divide, rounded
from catdog.pycaffe.python2.programs import compiled, expression, program, statements
from catdog.pycaffe.python2.text import (
    ByteString,
    as_bytes,
    character,
    decode,
    encode,
    joined,
    native,
    number_of,
)

__all__ = [
    "KINDS",
    "ByteString",
    "Divisor",
    "File",
    "as_bytes",
    "asscalar",
    "binary",
    "character",
    "cmp",
    "compares",
    "compiled",
    "decode",
    "divide",
    "encode",
    "expression",
    "filtered",
    "for_field",
    "frombuffer",
    "fromstring",
    "joined",
    "kind_of",
    "lines",
    "mapped",
    "message",
    "native",
    "number_of",
    "opened",
    "program",
    "ratio",
    "reduce",
    "rounded",
    "setdefaultencoding",
    "sort",
    "sorted_by",
    "statements",
]
