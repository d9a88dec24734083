from catdog.errors import CatdogError, Fault, LayerError, SpecError, did_you_mean, some_of


def test_where_what_remedy():
    assert str(CatdogError("broken", where="a.yaml:1:2", remedy="mend it")) == (
        "a.yaml:1:2: broken; mend it"
    )
    assert str(LayerError("broken", layer="conv1")) == 'layer "conv1": broken'


def test_all_faults_one_a_line():
    faults = [Fault("one", where="x:1:1"), Fault("two", "mend it", layer="a")]
    assert str(SpecError(faults)) == 'x:1:1: one\nlayer "a": two; mend it'


def test_did_you_mean():
    assert did_you_mean("kernal_size", ["kernel_size", "pad"]) == 'did you mean "kernel_size"?'
    assert did_you_mean("zzz", ["kernel_size"]) == ""


def test_the_first_of_many():
    assert some_of("abc", 3) == "a, b, c"
    assert some_of("abcde", 3, "; ") == "a; b; c; and 2 more"
