"""pickle and cPickle: pickles of Python 2 are read, from files of text too."""

import pickle
from pickle import *  # noqa: F403 the module as it is, but for what is below
from typing import Any

from catdog.pycaffe.python2.file import binary
from catdog.pycaffe.python2.text import as_bytes


def load(file: Any) -> Any:  # type: ignore[no-redef]
    """The next object of a file; runs code of the pickle's, as pickle does."""
    # the script asks for pickle, as in Python 2
    return pickle.load(binary(file), encoding="latin1")  # nosec B301


def loads(text: Any) -> Any:  # type: ignore[no-redef]
    """The object of a str; runs code of the pickle's, as pickle does."""
    return pickle.loads(as_bytes(text), encoding="latin1")  # nosec B301
