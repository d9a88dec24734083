"""Imports follow the direction of flow, and the package lists all its parts."""

import ast
import configparser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
#: A module imports only from those before it; those of one line may import each other.
FLOW = """
errors
devices
proto
files
randomness
spec
parallel memory
headers images
datum
store
listing photos
pickled
cifar label_table
build imageset
mean
sample
dataset
augment
buffers
transform
views
fillers
sources
feed
layers
node fusion
wiring sharing net
example_batch
weights
preparation
distributed
data_shapes
blueprint
summary timing
lr_policy
updates
precision compiling
records when_done
direction
provenance text_table
run_record run_fields
run_catalog
run_table
snapshot
advice
evaluation
freeze
unfreezing average watched_score ending overfitting
watch debug_info snapshots solver_faults solver
start
solver_nets
net_fields
unread
inspection
log log_reader
plan
pace
progress metrics_table
growth
probes
resources
resource_report
class_names
first_batch
tensorboard_graph
tensorboard
watching
curve_data
curves
comparison
curve_files
fed_net
steady
feature_cache
predict
submission gallery preview shared_prediction
duplicates
survey
page charts
candidate
labelled
scikit
scores
suspects
judging
exploration
evaluate features
classifier
subset
record_features
choosing chosen_records
feature_table
deployed
draw export
convert
signals
train
folds
sweep
arguments cli
pycaffe
"""
RANK = {name: rank for rank, line in enumerate(FLOW.split("\n")) for name in line.split()}
MODULES = sorted(
    path for path in (ROOT / "catdog").rglob("*.py") if not path.name.endswith("_pb2.py")
)


def part(dotted: str) -> str:
    """`catdog.layers.base` belongs to `layers`."""
    return dotted.split(".")[1] if "." in dotted else ""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "catdog":
            names.update(f"catdog.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name for name in names if name.split(".")[0] == "catdog"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_flow(path):
    own = part(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own == "__init__":
        return
    assert own in RANK, f"{own} has no place in the flow"
    later = [name for name in imported(path) if RANK.get(part(name), -1) > RANK[own]]
    assert not later


def test_setup_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "catdog").rglob("__init__.py")
    }
    assert listed == found | {"catdog.tools"}


def test_no_module_is_named_for_nothing():
    named = {path.stem for path in MODULES}
    assert not named & {"util", "utils", "helper", "helpers", "common", "misc"}
