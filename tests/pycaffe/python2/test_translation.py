"""Programs of Python 2 in Python 3; what they print is what Python 2.7 printed."""

import re
import traceback

import pytest

from catdog.pycaffe.python2.translation import translate

#: Programs, each with its output behind `#=`.
CASES = r'''
print 7/2, -7/2, 7/2.0, 3/2*2.5, 2.5*3/2, (1 + 2)/2, 10L/3, 2**3/3
#= 3 -4 3.5 2.5 3.75 1 3 2
a, b = 10, 4
print a/b*1.0, a*1.0/b, a/float(b), -a/b, a*b/3%5, a/(b/2)
#= 2.0 2.5 2.5 -3 3 5
from __future__ import division
x = 7
x /= 2
print 7/2, x
#= 3.5 3.5
x = 7
x /= 2
y = 7.0
y /= 2
print x, y
#= 3 3.5
print `3`, 0755, 0xFFL, 1 <> 2, u'a' + 'b'
#= 3 493 255 True ab
print 'a',
print 'b'
#= a b
import sys
print >>sys.stdout, 'to', 1
#= to 1
def f(a, (b, c)=(1, 2)):
    return a + b * c / 4
print f(1), f(1, (5, 6))
#= 1 8
try:
    raise ValueError, 'bad'
except ValueError, e:
    print e, e.message
#= bad bad
try:
    raise ValueError('a', 'b')
except ValueError as e:
    print repr(e.message),
    e.message = 'c'
    print e.message,
    del e.message
exec 'y = 3'
print y
#= '' c 3
d = {'a': 1}
print d.keys()[0], d.has_key('a'), d.iteritems().next()
#= a True ('a', 1)
print map(str, range(2)) + filter(None, [0, 1]), zip('a', 'b')
#= ['0', '1', 1] [('a', 'b')]
print map(None, [1]), reduce(lambda a, b: a * b, [1, 2, 3]), range(2) + [5]
#= [1] 6 [0, 1, 5]
l = [1, 3, 2]
l.sort(lambda a, b: cmp(b, a))
print l
#= [3, 2, 1]
print sorted([1, 3], cmp=lambda a, b: b - a), sorted([2, 1], reverse=True)
#= [3, 1] [2, 1]
print sorted('ba', key=lambda c: c), sorted([(1, 2)], key=lambda (a, b): a)
print reduce(lambda n, (k, (u, v)): n + k * u / v, [(3, (5, 2)), (1, (4, 3))], 1)
#= ['a', 'b'] [(1, 2)]
#= 9
import numpy as np
x = np.array([3, 1])
x.sort()
print np.sort(x)[-1:], len(x.tostring()) / 2, np.zeros(2, np.float).dtype
#= [3] 8 float64
import numpy
print numpy.asscalar(numpy.ones(1)), numpy.Inf, numpy.product([2, 3]), numpy.fromstring('ab', 'u1')
#= 1.0 inf 6 [97 98]
import math as m
from math import ceil
print m.floor(7.0) / 2, ceil(2.1) / 2
#= 3.5 1.5
import string, os
print string.join(['a', 'b'], '-'), string.letters[:2], string.atoi('7') / 2
#= a-b ab 3
import cPickle, StringIO as S
f = S.StringIO()
cPickle.dump([1], f)
f.seek(0)
print cPickle.load(f), cPickle.loads(cPickle.dumps('a'))
#= [1] a
import hashlib, zlib
print hashlib.md5('a').hexdigest()[:4], zlib.decompress(zlib.compress('x'))
#= 0cc1 x
import struct
s = struct.pack('<i', 7)
print len(s), ord(s[0]), struct.unpack('<i', s)[0] / 2
#= 4 7 3
print len('\xff\xfe'), ord('\xff'), '\u1234', '\\xff', r'\xff', u'\x41', chr(65), unichr(66)
#= 2 255 \u1234 \xff \xff A A B
import subprocess
print subprocess.check_output(['echo', 'a b']).split(' ')
#= ['a', 'b\n']
import collections, types
print isinstance('a', types.StringType), issubclass(list, collections.Iterable)
#= True True
open = lambda name: 'mine ' + name
print open('x')
#= mine x
def f(round=3):
    return round / 2
print f(), f(round=9)
#= 1 4
class A:
    def sort(self, *a): return a
    def encode(self, x): return x / 2
    def __nonzero__(self): return False
print A().sort(1), A().encode(5), bool(A())
#= (1,) 2 False
print("both", 1)
#= ('both', 1)
from __future__ import print_function
import cPickle
print('both', 7/2)
#= both 3
import sys
print('both', 7/2, 0777, file=sys.stdout)
#= both 3 511
import sys
reload(sys)
sys.setdefaultencoding('utf8')
print unicode('x', 'utf8'), 'x'.decode('utf8').encode('latin1'), isinstance(u'x', basestring)
#= x x True
if 1:
	x = 1
        y = """a
	b"""
print x, len(y)
#= 1 4
x = (10 / # ten
     4)
print x, 9 \
    / 2
#= 2 4
print 'é', len(u'é'), round(2.5), round(-0.5)
#= é 1 3.0 -1.0
'''
PAIRS = re.findall(r"((?:(?!#= ).*\n)+)((?:#= .*\n)+)", CASES.lstrip("\n"))


def printed(source, capsys):
    code = translate(source if isinstance(source, bytes) else source.encode(), "old.py")
    exec(code.compiled("old.py"), {"__name__": "__main__"})
    return capsys.readouterr().out


def test_all_programs_are_found():
    assert "".join(source + result for source, result in PAIRS) == CASES.lstrip("\n")


@pytest.mark.parametrize(("source", "result"), PAIRS)
def test_what_is_printed(source, result, capsys):
    assert printed(source, capsys) == result.replace("#= ", "")


def test_latin1_without_a_declaration_and_other_ends_of_lines(capsys):
    assert printed(b"# caf\xe9\r\nprint 1\r\nprint 5/2", capsys) == "1\n2\n"
    source = "# -*- coding: latin-1 -*-\nprint u'\xe9'\n".encode("latin-1")
    assert printed(source, capsys) == "é\n"
    assert translate(source, "old.py").text.startswith("# -*- coding: utf-8 -*-\n")


def test_messages_take_what_is_str_in_python2(capsys):
    source = r"""
from catdog.proto.caffe_pb2 import Datum
datum = Datum()
datum.data = 'a\xff'
class Own: pass
own = Own()
own.data = 'text'
print len(datum.data), own.data, Datum.FromString(datum.SerializeToString()).data == datum.data
"""
    assert printed(source, capsys) == "2 text True\n"


OLD = '''#!/usr/bin/env python
# comment
"""What it is."""
from __future__ import with_statement
import cPickle, os
def f((a, b)):
    x = reduce(lambda p, q: p / q, [8, 2])
    print x / 2, \\
        a
    return g(b)
def g(b):

    raise KeyError, b
f((1, 2))
'''


def test_lines_of_a_traceback_are_those_of_the_original(capsys):
    with pytest.raises(KeyError) as caught:
        printed(OLD, capsys)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.lineno for frame in frames if frame.filename == "old.py"] == [14, 10, 13]


def test_our_package_is_imported_behind_docstring_and_future():
    lines = translate(OLD.encode(), "old.py").text.split("\n")
    assert lines[:2] == OLD.split("\n")[:2]
    order = ["from __future__ import with_statement", "from catdog.pycaffe import python2"]
    assert [line for line in lines if line in order] == order
    assert lines.index(order[1]) < lines.index(next(line for line in lines if "os" in line))


def test_what_is_neither():
    with pytest.raises(SyntaxError):
        translate(b"print 'x\nx = = 1", "old.py")
