"""Names of Python 2 and of its libraries, and what stands for them."""

#: Modules of which there is one with Python 2's behaviour in catdog.pycaffe.python2.
FACADES = {
    "StringIO": "stringio",
    "cStringIO": "stringio",
    "pickle": "pickle",
    "cPickle": "pickle",
    "lmdb": "lmdb",
    "math": "math",
    "string": "string",
}

#: Builtins, where the program binds no such name itself.
BUILTINS = {
    "chr": "python2.character",
    "cmp": "python2.cmp",
    "file": "python2.opened",
    "open": "python2.opened",
    "ord": "python2.number_of",
    "round": "python2.rounded",
    "sorted": "python2.sorted_by",
    "unichr": "chr",
    "unicode": "str",
}

#: Builtins that fissix renames only where they are called.
HANDED_ON = {"raw_input": "input", "xrange": "range"}

#: Methods of any object that go through a function of ours, with the object first.
METHODS = {"decode": "decode", "encode": "encode", "sort": "sort"}

#: Methods whose one argument is bytes.
TAKE_BYTES = {"ParseFromString", "MergeFromString", "FromString"}

#: Functions of modules by what becomes of their first argument.
FIRST_ARGUMENTS = {
    **{("hashlib", name): "as_bytes" for name in ("md5", "sha1", "sha256", "sha512")},
    **{("zlib", name): "as_bytes" for name in ("compress", "decompress", "crc32")},
    **{("base64", name): "as_bytes" for name in ("b64encode", "b64decode")},
    **{("binascii", name): "as_bytes" for name in ("hexlify", "unhexlify", "crc32")},
    ("csv", "reader"): "lines",
    ("csv", "DictReader"): "lines",
    ("Image", "open"): "binary",
    ("np", "load"): "binary",
    ("numpy", "load"): "binary",
}

#: Functions of modules by what becomes of their result.
RESULTS = {
    **{("base64", name): "native" for name in ("b64encode", "b64decode")},
    **{("binascii", name): "native" for name in ("hexlify", "unhexlify")},
    **{("zlib", name): "native" for name in ("compress", "decompress")},
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
