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
x = 7
def f(y):
    return eval('x / y')
print eval('7/2'), f(2), eval('x/2', {'x': 9}), eval("{1: 2}.has_key(1)"),
print eval(compile('9/2', '', 'eval'))
print eval('x / 2', {'__builtins__': {}}, {'x': 5})
d = {}
exec "print 5/2\na = 7/2" in d
print sorted(k for k in d if k != '__builtins__'), d['a']
#= 3 3 4 True 4
#= 2
#= 2
#= ['a'] 3
from __future__ import division
print eval('7/2'), eval(compile('7/2', '', 'eval'))
#= 3.5 3.5
i = 10
xs = [i * 2 for i in range(3)]
print xs, i
def f():
    ys = [(a, b) for a, b in [(1, 2), (3, 4)] if b]
    return a, b, [[k for k in range(2)] for k in range(3)], k
print f()
ys = [y for y in []]
print [y for y in 1, 2], y
#= [0, 2, 4] 2
#= (3, 4, [[0, 1], [0, 1], [0, 1]], 1)
#= [1, 2] 2
x = 5
def f():
    return x
[x for x in 'ab']
print f()
#= b
import struct
s = struct.pack('3sI', 'abc', 7)
print s[0] == 'a', s.startswith('abc'), struct.unpack('3sI', s), repr(struct.pack('BB', 195, 169))
print ''.join([struct.pack('B', n) for n in (1, 255)]) == '\x01\xff',
print ','.join(str(n) for n in (1, 2))
#= True True ('abc', 7) '\xc3\xa9'
#= True 1,2
import hashlib
from hashlib import md5
h = hashlib.md5()
h.update('a')
print h.digest()[0] == '\x0c', md5('a').digest() == h.digest(), ord(h.digest()[1]),
print md5('a').hexdigest()[:4]
#= True True 193 0cc1
class A:
    def __init__(self, v): self.v = v
    def __cmp__(self, o): return cmp(self.v, o.v)
print A(1) < A(2), A(1) == A(1), A(1) != A(1), A(1) in [A(1)],
print sorted([A(3), A(1)])[0].v, cmp(A(2), A(1))
class B(A):
    def __eq__(self, o): return 'own'
print B(1) == B(1), B(1) >= B(2)
#= True True False True 1 1
#= own False
print map(None, [1, 2], [3]), map(lambda a, b: (a, b), [1, 2], []), map(None, 'ab')
f = map
print f(lambda a: a / 2, [5])
#= [(1, 3), (2, None)] [(1, None), (2, None)] ['a', 'b']
#= [2]
print filter(lambda c: c != 'a', 'banana'), filter(None, (1, 0, 2)), filter(None, [0, 1])
#= bnn (1, 2) [1]
s = 'abc'.encode('utf8')
print isinstance(s, str), isinstance(s, basestring), isinstance(s, (int, str)), type(s) == str
print isinstance('x', bytes), isinstance(1, (str, list))
#= True True True True
#= True False
print reduce(lambda a, b: a + b, [1, 2])
from functools import wraps
#= 3
import numpy as np
print np.divide(-7, 2), np.divide(np.array([7, 3]), 2), np.divide(7.0, 2)
#= -4 [3 1] 3.5
class A:
    def map(self, f): return map(f, [1], [])
    open = 3
print A().map(lambda a, b: b), A.open
from os.path import join, exists as filter
print filter('/')
def f(map=None): return map
print f(3), map(None, [1], [2, 3])
#= [None] 3
#= True
#= 3 [(1, 2), (None, 3)]
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


REMARKED = """
def f(x):
    exec 'y = 1'
    exec 'y = 1' in {}
    return isinstance(x, unicode), isinstance(x, str), isinstance(x, int)
class A:
    ys = [q for q in range(3)]
    z = q
ys = [p for p in [r for r in range(3)]]
print r
"""


def test_lines_that_may_mean_something_else_are_told():
    found = translate(REMARKED.encode(), "old.py").remarks
    assert [(line, text.split()[0]) for line, text in found] == [
        (3, "what"),
        *((5, "unicode"), (5, "unicode")),
        *((7, "behind"), (9, "behind")),
    ]


def test_nothing_is_told_of_what_means_the_same():
    source = b"xs = [x for x in range(3)]\nprint isinstance('a', str), [x for x in xs]\n"
    found = translate(source, "old.py")
    assert not found.remarks and ":=" not in found.text
