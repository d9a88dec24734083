"""Names of Python 2 and of its libraries, and what stands for them."""

#: Modules of which there is one with Python 2's behaviour in catdog.pycaffe.python2.
FACADES = {
    "StringIO": "stringio",
    "cStringIO": "stringio",
    "pickle": "pickle",
    "cPickle": "pickle",
    "hashlib": "hashlib",
    "lmdb": "lmdb",
    "math": "math",
    "string": "string",
    "struct": "struct",
}

#: Builtins, where the program binds no such name itself.
BUILTINS = {
    "chr": "python2.character",
    "cmp": "python2.cmp",
    "compile": "python2.compiled",
    "file": "python2.opened",
    "filter": "python2.filtered",
    "map": "python2.mapped",
    "open": "python2.opened",
    "ord": "python2.number_of",
    "reduce": "python2.reduce",
    "round": "python2.rounded",
    "sorted": "python2.sorted_by",
    "unichr": "chr",
    "unicode": "str",
}

#: Builtins that fissix renames only where they are called.
HANDED_ON = {"raw_input": "input", "xrange": "range"}

#: Builtins that are looked at where they are called.
CALLED = {"eval", "execfile", "input", "isinstance", "type"}

#: Kinds of text and of bytes, where `isinstance` asks for them.
KINDS = {"basestring", "bytes", "str", "unicode"}

#: Methods of any object that go through a function of ours, with the object first.
METHODS = {"decode": "decode", "encode": "encode", "sort": "sort"}

#: Methods whose one argument is bytes.
TAKE_BYTES = {"ParseFromString", "MergeFromString", "FromString"}

_BYTES_TO_BYTES = (
    *(("base64", name) for name in ("b64encode", "b64decode")),
    *(("binascii", name) for name in ("hexlify", "unhexlify")),
    *(("zlib", name) for name in ("compress", "decompress")),
)

#: Functions of modules by what becomes of their first argument.
FIRST_ARGUMENTS = {
    **dict.fromkeys((*_BYTES_TO_BYTES, ("binascii", "crc32"), ("zlib", "crc32")), "as_bytes"),
    ("csv", "reader"): "lines",
    ("csv", "DictReader"): "lines",
    ("Image", "open"): "binary",
    ("np", "load"): "binary",
    ("numpy", "load"): "binary",
}

#: Functions of modules by what becomes of their result.
RESULTS = {
    **dict.fromkeys(_BYTES_TO_BYTES, "native"),
    ("subprocess", "check_output"): "native",
    ("tempfile", "NamedTemporaryFile"): "File",
    ("tempfile", "TemporaryFile"): "File",
}

#: What has another name now in its module, or none: whole where it is ours or begins with a blank.
RENAMED = {
    ("collections", "Callable"): "abc.Callable",
    ("collections", "Iterable"): "abc.Iterable",
    ("collections", "Mapping"): "abc.Mapping",
    ("collections", "MutableMapping"): "abc.MutableMapping",
    ("collections", "Sequence"): "abc.Sequence",
    ("inspect", "getargspec"): "getfullargspec",
    ("sys", "setdefaultencoding"): "python2.setdefaultencoding",
    ("time", "clock"): "process_time",
    ("types", "StringType"): " str",
    ("types", "StringTypes"): " str",
    ("types", "UnicodeType"): " str",
}

#: Names that NumPy has no more, as above.
NUMPY = {
    "Inf": "inf",
    "Infinity": "inf",
    "NaN": "nan",
    "alltrue": "all",
    "asscalar": " python2.asscalar",
    "bool": " bool",
    "complex": " complex",
    "complex_": "complex128",
    "cumproduct": "cumprod",
    "divide": " python2.ratio",
    "float": " float",
    "float_": "float64",
    "frombuffer": " python2.frombuffer",
    "fromstring": " python2.fromstring",
    "in1d": "isin",
    "infty": "inf",
    "int": " int",
    "long": " int",
    "object": " object",
    "product": "prod",
    "row_stack": "vstack",
    "sometrue": "any",
    "str": " str",
    "string_": "bytes_",
    "unicode": " str",
    "unicode_": "str_",
}
