"""Tables of measurements, and the net that `catdog fit` takes by them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.inference.intervals import of_share
from catdog.project import advice as advice_module
from catdog.project import measured
from catdog.project.advice import TABLE, advice, candidates
from catdog.project.comparing.keeping import check_keepable, keep_measurements
from catdog.project.measured import (
    COLUMNS,
    SHIPPED,
    best_for,
    read_measured,
    shipped_measurements,
    write_measured,
)
from tests.project.comparing.nets import row_of

PRETRAINED = [each.net for each in TABLE if each.pretrained]
BARE = [each.net for each in TABLE if not each.pretrained]


def test_what_ships_is_measured_and_says_how():
    rows = shipped_measurements()
    assert {row.net for row in rows} <= {each.net for each in TABLE}
    assert {row.net for row in rows} & {*BARE}
    for row in rows:
        low, high = of_share(round(row.accuracy * row.held_out), row.held_out)
        assert row.low == pytest.approx(low, abs=1e-5)
        assert row.high == pytest.approx(high, abs=1e-5)
        assert "catdog" in row.source
        assert "photos" in row.source
        assert row.learned_from_scratch == (row.net in BARE)
    assert len({(row.net, row.photos) for row in rows}) == len(rows)
    head = SHIPPED.read_text().splitlines()
    assert head[0].startswith("# What `catdog fit` chooses a net by")
    titles = next(line for line in head if not line.startswith("#"))
    assert titles.split(",") == [*COLUMNS, "source"]


@given(
    installed=st.sets(st.sampled_from(PRETRAINED)),
    photos=st.integers(10, 100_000),
    gpu=st.booleans(),
)
def test_fit_takes_what_was_measured_best_of_what_is_here(installed, photos, gpu):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(advice_module, "is_installed", installed.__contains__)
        found = candidates(photos, gpu=gpu)
        here = [row for row in shipped_measurements() if row.net in {*installed, *BARE}]
        taken = found[0].net
        lines = "\n".join(advice(photos, taken, found))
    fewest = min(row.photos for row in here)
    known = [row for row in here if row.photos <= max(2 * photos, fewest)]
    assert {each.net for each in found} == {row.net for row in known}
    own = max((row for row in known if row.net == taken), key=lambda row: row.photos)
    assert f"{taken} got {own.right} of {own.held_out:,} other photos right" in lines
    assert f"measured by {own.source}" in lines
    if gpu or photos <= 5000:
        assert own.accuracy == max(
            max((row for row in known if row.net == net), key=lambda row: row.photos).accuracy
            for net in {row.net for row in known}
        )
    else:
        sizes = [each.size for each in found if each.pretrained]
        assert found[0].size == min(sizes, default=found[0].size)


rows_of_some = st.lists(
    st.builds(
        row_of,
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 50),
        st.integers(0, 20),
        log_loss=st.none() | st.floats(0.001, 9),
    ),
    min_size=1,
    unique_by=lambda row: (row.net, row.photos),
)


@given(rows_of_some, st.integers(1, 60))
def test_the_best_is_the_best_of_the_latest_that_count(rows, photos):
    found = best_for(iter(rows), photos)
    fewest = min(row.photos for row in rows)
    for row in found:
        assert row.photos <= max(photos, fewest)
        between = [each for each in rows if each.net == row.net and each.photos <= photos]
        assert row.photos == max((each.photos for each in between), default=fewest)
    assert [row.accuracy for row in found] == sorted((r.accuracy for r in found), reverse=True)
    assert len({row.net for row in found}) == len(found)


def test_of_equal_accuracies_the_log_loss_decides():
    rows = [row_of("a", 5, log_loss=0.3), row_of("b", 5, log_loss=0.2), row_of("c", 5)]
    assert [row.net for row in best_for(rows, 9)] == ["b", "a", "c"]


@given(rows=rows_of_some)
def test_what_is_written_is_read(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    sourced = [row.__class__(**{**vars(row), "source": f"by {row.net}, once"}) for row in rows]
    write_measured(path, sourced, sourced=True)
    first = path.read_bytes()
    again = read_measured(path)
    assert [(row.net, row.photos, row.source) for row in again] == [
        (row.net, row.photos, row.source) for row in sourced
    ]
    for row, read in zip(sourced, again, strict=True):
        assert read.accuracy == pytest.approx(row.accuracy, abs=1e-6)
        assert (read.log_loss is None) == (row.log_loss is None)
    write_measured(path, again, sourced=True)
    assert path.read_bytes() == first
    write_measured(path, rows)
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)


HEAD = ",".join(COLUMNS)
GOOD = "net,10,20,0.5,0.3,0.7,0.6,100,3,2,1,0.5,scratch"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no table of `catdog compare-nets`"),
        ("net,photos\na,5", "is no table of"),
        (f"{HEAD}\n{GOOD}\n{GOOD.replace('0.6', 'x')}", r"t.csv:3: is no row of measurements \("),
        (f"{HEAD}\n{GOOD.replace('scratch', '')}", r"t.csv:2: is no row .*weights is missing"),
        (f"{HEAD}\nnet,10", "t.csv:2: is no row of measurements"),
        (f"{HEAD}\n{GOOD.replace('0.7', '0.4')}", "t.csv:2: has numbers that cannot be"),
        (f"{HEAD}\n{GOOD.replace('10,20', '0,20')}", "t.csv:2: has numbers that cannot be"),
        (f"{HEAD}\n{GOOD.replace('0.5,0.3', 'nan,0.3')}", "t.csv:2: has numbers that cannot be"),
        (f"# 1: there\n{HEAD},source\n{GOOD},2", r't.csv:3: no line "# 2: ..." says where it is'),
        ("\x00\xff", "t.csv: cannot be read"),
        (f"{HEAD}\n" + "9" * 200_000, r"t.csv: is no table of .* \(field larger than"),
    ],
)
def test_a_table_that_is_none_is_one_line(text, told, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CatdogError, match=told) as caught:
        read_measured(path)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CatdogError, match=r"t.csv: cannot be read"):
        read_measured(tmp_path / "t.csv")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The package's table in a folder of its own."""
    from catdog.project.comparing import keeping

    path = tmp_path / "own/measured.csv"
    path.parent.mkdir()
    path.write_bytes(SHIPPED.read_bytes())
    monkeypatch.setattr(measured, "SHIPPED", path)
    monkeypatch.setattr(keeping, "SHIPPED", path)
    shipped_measurements.cache_clear()
    yield path
    shipped_measurements.cache_clear()


def test_what_is_kept_is_what_fit_chooses_by(elsewhere):
    rows = [
        row_of("deep64", 100, 12, source="`catdog compare-nets mine`, 120 photos"),
        row_of("small64", 100, 11, source="`catdog compare-nets mine`, 120 photos"),
    ]
    assert candidates(150, gpu=False)[0].net != "deep64"
    assert keep_measurements(rows) == elsewhere
    assert "# 1: `catdog compare-nets mine`, 120 photos\n" in elsewhere.read_text()
    assert [each.net for each in candidates(150, gpu=False)] == ["deep64", "small64"]


def test_what_leaves_fit_without_a_choice_is_not_kept(elsewhere):
    before = elsewhere.read_bytes()
    told = r"--keep: none of catdog96, deep64, small64 was measured, which .*: --nets small64"
    for net in ("efficientnet_lite0", "mine.yaml"):
        with pytest.raises(CatdogError, match=told):
            keep_measurements([row_of(net, 100)])
    assert elsewhere.read_bytes() == before


def test_a_table_without_a_net_that_is_here_is_a_line(elsewhere):
    write_measured(elsewhere, [row_of("mine.yaml", 100, source="by hand")], sourced=True)
    with pytest.raises(CatdogError, match=r"measured.csv: has no row of a net that is here; name"):
        candidates(500, gpu=False)


def test_a_catdog_that_cannot_be_written_is_told_before_the_work(monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CatdogError, match=r"--keep: .* cannot be written; leave it out, and say"):
        check_keepable()
    assert Path(SHIPPED).exists()
