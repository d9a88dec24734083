"""What a script of Python 2 relies on and Python 3 does otherwise: translated scripts call it.

A `str` of Python 2 is a row of bytes that is used as text as well. Here text is `str`, in which
bytes that are no UTF-8 stand as lone surrogates (PEP 383), so that nothing is lost on the way back;
what certainly is bytes is a ByteString, which behaves as text where text is wanted.
"""

from catdog.pycaffe.python2.arrays import asscalar, frombuffer, fromstring
from catdog.pycaffe.python2.builtin import cmp, message, setdefaultencoding, sort, sorted_by
from catdog.pycaffe.python2.fields import for_field
from catdog.pycaffe.python2.file import File, binary, lines, opened
from catdog.pycaffe.python2.numbers import Divisor, divide, rounded
from catdog.pycaffe.python2.text import (
    ByteString,
    as_bytes,
    character,
    decode,
    encode,
    native,
    number_of,
)

__all__ = [
    "ByteString",
    "Divisor",
    "File",
    "as_bytes",
    "asscalar",
    "binary",
    "character",
    "cmp",
    "decode",
    "divide",
    "encode",
    "for_field",
    "frombuffer",
    "fromstring",
    "lines",
    "message",
    "native",
    "number_of",
    "opened",
    "rounded",
    "setdefaultencoding",
    "sort",
    "sorted_by",
]
