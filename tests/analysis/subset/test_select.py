"""So many of each class, whatever the method; the numbers of the table; what cannot be had."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.analysis.subset import METHODS, Distances, Settings, subset_scores
from catdog.analysis.subset.select import SubsetOptions, class_counts, comparison_table, select
from catdog.errors import CatdogError, DataError

RNG = np.random.default_rng(0)
TABLE = RNG.integers(0, 256, (60, 12), np.uint8)
LABELS = RNG.permutation(np.repeat([0, 1, 4], [30, 20, 10]))
FEW = Settings(draws=20, steps=10)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_every_class_gives_as_many_and_none_twice(metric):
    chosen = select(TABLE, LABELS, list(METHODS), SubsetOptions(5, metric=metric, settings=FEW))
    assert set(chosen.by_method) == set(METHODS)
    for choice in chosen.by_method.values():
        indices = choice.all_indices
        assert indices == sorted(set(indices))
        assert np.bincount(LABELS[indices]).tolist() == [5, 5, 0, 0, 5]
        for label, some in choice.indices.items():
            assert (LABELS[some] == label).all()


def test_the_numbers_are_those_of_the_choice():
    choice = select(TABLE, LABELS, ["exchange"], SubsetOptions(4)).by_method["exchange"]
    found = []
    for label, indices in choice.indices.items():
        records = np.flatnonzero(label == LABELS)
        distances = Distances(TABLE[records], "euclidean")
        found.append(subset_scores(distances, np.searchsorted(records, indices)))
    assert choice.diversity == pytest.approx(np.mean([score.diversity for score in found]))
    assert choice.closest == pytest.approx(min(score.closest for score in found))
    assert choice.coverage == pytest.approx(np.mean([score.coverage for score in found]))


def test_one_class_is_chosen_as_if_it_were_alone():
    few = SubsetOptions(4, settings=FEW)
    whole = select(TABLE, LABELS, ["draws"], few).by_method["draws"]
    alone = np.flatnonzero(LABELS == 4)
    part = select(TABLE[alone], LABELS[alone], ["draws"], few).by_method["draws"]
    assert whole.indices[4].tolist() == alone[part.indices[4]].tolist()


def test_the_seed_counts():
    found = [
        select(TABLE, LABELS, ["random"], SubsetOptions(5, seed=seed))
        .by_method["random"]
        .all_indices
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]


@settings(deadline=None)
@given(st.lists(st.integers(10, 20), min_size=1, max_size=6), st.data())
def test_a_total_is_shared_evenly(sizes, data):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    total = data.draw(st.integers(len(sizes), 10 * len(sizes)))
    found = class_counts(labels, SubsetOptions(total=total))
    assert sum(found.values()) == total
    assert max(found.values()) - min(found.values()) <= 1


def test_the_table_has_a_line_for_each():
    chosen = select(TABLE, LABELS, ["random", "exchange"], SubsetOptions(5))
    lines = comparison_table(chosen).splitlines()
    assert lines[0].split() == ["method", "diversity", "closest", "coverage", "seconds"]
    assert [line.split()[0] for line in lines[1:3]] == ["random", "exchange"]
    assert float(lines[1].split()[1]) < float(lines[2].split()[1])


def test_what_cannot_be_had():
    with pytest.raises(DataError, match="class 4 has 10 records, 11 are wanted"):
        class_counts(LABELS, SubsetOptions(11))
    with pytest.raises(CatdogError, match="2 records of 3 classes"):
        class_counts(LABELS, SubsetOptions(total=2))
    with pytest.raises(DataError, match="label -1 is no class"):
        class_counts(np.array([-1, 0]), SubsetOptions(1))
