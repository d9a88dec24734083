"""StringIO and cStringIO."""

from catdog.pycaffe.python2.file import StringIO

__all__ = ["StringIO"]
