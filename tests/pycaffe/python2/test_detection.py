"""Which programs are taken for Python 2."""

import pytest

from catdog.pycaffe.python2.detection import is_python2, looks_like_python2

OLD = [
    "print 'x'",
    "import cPickle",
    "from StringIO import StringIO",
    "import sys\nprint >>sys.stderr, 'x'",
    "for i in xrange(3):\n    pass",
    "x = [y for y in xrange(3)]",
    "raw_input('?')",
    "def f():\n    return 0777",
    "# caf\xe9\nprint 1",
    "if 1:\n\tx = 1\n        y = 2",
]
NEW = [
    "print('x')",
    # both: what is not there is asked for
    "try:\n    import cPickle\nexcept ImportError:\n    import pickle",
    "try:\n    xrange\nexcept NameError:\n    xrange = range\nfor i in xrange(3): pass",
    "import sys\nif sys.version_info[0] < 3:\n    range = xrange",
    "import sys\nread = raw_input if sys.version_info[0] < 3 else input",
    "from six.moves import xrange\nfor i in xrange(3): pass",
    "from past.builtins import *\nfor i in xrange(3): pass",
    "def unicode(x): return x\nunicode(1)",
    # may never be called
    "def f():\n    return xrange(3)",
    "f = lambda: unicode(3)",
    "from . import cPickle",
    "x = 5 / 2",
    "import numpy as np\nnp.float(1)",
    # may never run, or be let pass
    "from contextlib import suppress\nwith suppress(ImportError):\n    import cPickle",
    "from contextlib import suppress\nwith suppress(NameError):\n    range = xrange",
    "from contextlib import suppress\nwith suppress(NameError), open(unicode(1)):\n    pass",
    "for p in []:\n    unicode(p)",
    "x = [unicode(p) for p in ()]",
    "if __name__ == '__main__':\n    raw_input('?')",
    "import sys\nsys.exit(0)\nxrange(3)",
    "import os\nos._exit(0)\nxrange(3)",
    "def main():\n    raise SystemExit\nmain()\nxrange(3)",
    # given a meaning
    "exec('reduce = 3')\nreduce",
    "import builtins\nbuiltins.unicode = str\nunicode(1)",
    "globals()['xrange'] = range\nxrange(3)",
    "import builtins, functools\nsetattr(builtins, 'reduce', functools.reduce)\nreduce",
    "import sys, pickle\nsys.modules['cPickle'] = pickle\nimport cPickle",
    "match 7:\n    case long:\n        pass\nlong",
    "class P:\n    def __rshift__(self, x): return x\nprint = P()\nprint >> 3",
    "class P:\n    def __rrshift__(self, x): return x\nprint >> P()",
]


@pytest.mark.parametrize("text", OLD)
def test_what_cannot_run_is_old(text):
    assert is_python2(text.encode("latin-1"))


@pytest.mark.parametrize("text", NEW)
def test_what_could_run_is_left_alone(text):
    assert not is_python2(text.encode())


def test_a_module_of_an_old_name_that_is_there(tmp_path, monkeypatch):
    (tmp_path / "Queue.py").touch()
    assert is_python2(b"import Queue")
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_python2(b"import Queue")


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("xrange(3)", True),
        ("import urllib2", True),
        ("{}.iteritems()", True),
        ("import sys\nprint >>sys.stderr, 1", True),
        ("1 >> 'x'", False),
        ("{}.none()", False),
        ("import none_at_all", False),
        ("1 / 0", False),
    ],
)
def test_errors_that_look_like_python2(text, old):
    with pytest.raises(Exception) as caught:
        exec(text)
    assert looks_like_python2(caught.value) is old
