"""What Dockerfile and compose.yaml name is there, and each service has what a service must have."""

import configparser
import contextlib
import importlib
import io
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
#: The stages of the Dockerfile, the last one without a name.
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_the_extras_that_are_installed_exist():
    (names,) = re.findall(r"^ARG EXTRAS=(\S+)", DOCKERFILE, re.MULTILINE)
    known = set(setup()["options.extras_require"])
    documented = (ROOT / "docs/containers.md").read_text()
    assert set(names.split(",")) <= known
    assert f"EXTRAS={names}" in documented


def test_the_build_gets_what_the_wheel_is_made_of_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert all((ROOT / name).exists() for name in let_in)
    folders = {
        folder.partition("/")[0]
        for line in setup()["options"]["package_dir"].split("\n")
        if (folder := line.partition("=")[2].strip())
    }
    files = {"setup.cfg", "pyproject.toml", setup()["metadata"]["license_files"]}
    files.add(setup()["metadata"]["long_description"].removeprefix("file: "))
    assert {"catdog", *folders, *files} <= let_in
    assert not any(fnmatch(name, "*input*") or fnmatch(name, "*snapshots*") for name in let_in)


@pytest.mark.parametrize("stage", STAGES[1:], ids=lambda text: text.splitlines()[0])
def test_nothing_runs_as_root(stage):
    users = re.findall(r"^USER (\S+)", stage, re.MULTILINE)
    inherited = stage.startswith("catdog")
    assert users[-1] != "0" if users else inherited


def test_an_image_asks_for_its_health():
    assert all("HEALTHCHECK" in stage for stage in STAGES[1:-1])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_rotates_its_log_and_has_a_health_check(name):
    service = SERVICES[name]
    options = service["logging"]["options"]
    assert options["max-size"]
    assert int(options["max-file"]) > 1
    stage = service["build"].get("target", "catdog")
    assert "healthcheck" in service or f" AS {stage}\n" in DOCKERFILE


@pytest.mark.parametrize("name", [name for name in SERVICES if "target" in SERVICES[name]["build"]])
def test_the_stage_of_a_service_exists(name):
    assert f" AS {SERVICES[name]['build']['target']}\n" in DOCKERFILE


@pytest.mark.parametrize("name", [name for name in SERVICES if SERVICES[name].get("command")])
def test_the_command_of_a_service_is_one_of_catdog(name):
    tool, *words = SERVICES[name]["command"]
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        importlib.import_module(f"tools.{tool}").main(["--help"])
    flags = {word for word in words if word.startswith("--")}
    assert flags
    assert flags <= set(re.findall(r"--[\w-]+", text.getvalue()))


def test_only_the_gpu_profile_asks_for_a_gpu():
    asking = {name for name, service in SERVICES.items() if "deploy" in service}
    assert asking == {"train-gpu"}
    assert SERVICES["train-gpu"]["profiles"] == ["gpu"]


def test_ports_are_open_to_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
