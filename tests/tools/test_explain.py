"""explain.py as a person calls it: a picture, a page, odd photos, odd nets, mistakes."""

import re
from pathlib import Path

import cv2
import pytest
from catdog.tools.explain import main

from catdog.cli.main import run_tool
from tests.analysis.explained_net import CONVOLUTION, HEAD, write_net
from tests.data.sources.build import pictures


@pytest.fixture
def explain(tmp_path, monkeypatch, capsys):
    """Runs the tool beside some photos; gives its exit code, and its lines on stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    for number, picture in enumerate(pictures(3, (20, 14, 3))):
        cv2.imwrite(f"{number}.jpg", picture if number else picture[..., 0])
    Path("no.jpg").write_bytes(b"no picture")
    write_net(Path("net.caffemodel"))

    def explain(*words: str) -> tuple[int, list[str], list[str]]:
        code = 0
        try:
            run_tool(main, ("--weights=net.caffemodel", "--device=cpu", *words))
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, told.out.splitlines(), told.err.splitlines()

    return explain


def written() -> set[str]:
    return (
        {path.name for path in Path().iterdir()}
        - {"net.caffemodel", "no.jpg"}
        - {f"{number}.jpg" for number in range(3)}
    )


def test_a_photo_gives_a_picture_and_its_likeliest_classes(explain):
    code, out, err = explain("1.jpg")
    assert (code, out[0], out[-1]) == (0, "1.jpg", "picture in explanation.png")
    assert err == ["Grad-CAM and occlusion (layer relu) of 1 photo with net.caffemodel"]
    assert {line.split()[0] for line in out[1:-1]} == {"cat", "dog", "fox"}
    assert written() == {"explanation.png"}
    height, width = cv2.imread("explanation.png").shape[:2]
    assert width > 3 * height


def test_a_layer_gets_rows_of_its_own(explain):
    explain("1.jpg", "--out=one.png")
    explain("1.jpg", "--layer=conv", "--out=three.png")
    one, three = (cv2.imread(name).shape[0] for name in ("one.png", "three.png"))
    assert three == pytest.approx(3 * one, rel=0.02)


def test_a_page_holds_all_and_loads_nothing(explain):
    code, out, _ = explain("0.jpg", "1.jpg", "--out=page.html", "--class=dog", "--layer=conv")
    assert (code, out[-1]) == (0, "page in page.html")
    assert written() == {"page.html"}
    text = Path("page.html").read_text()
    assert set(re.findall(r'(?:src|href)="(\w+:)', text)) == {"data:"}
    for title in ("dog: Grad-CAM", "dog: occlusion", "activations of conv"):
        assert text.count(f"<b>{title}") == 2
    assert text.count("<b>kernels of conv") == 1


def test_what_is_no_photo_is_told_and_the_others_are_explained(explain):
    code, out, err = explain("no.jpg", "1.jpg")
    assert (code, out[0]) == (0, "1.jpg")
    assert err[-1].startswith("no photo: no.jpg: ")


def test_a_grey_net_is_explained(explain):
    write_net(Path("net.caffemodel"), order="GRAY")
    assert explain("0.jpg", "1.jpg", "--layer=conv")[0] == 0


def test_a_net_that_ends_in_scores_is_explained(explain):
    scores = HEAD.partition('layer { name: "%(blob)s"')[0] % {
        "blob": "prob",
        "bottom": "conv",
        "count": 3,
    }
    write_net(Path("net.caffemodel"), CONVOLUTION + scores)
    code, out, _ = explain("1.jpg", "--out=page.html")
    assert (code, "%" in "".join(out)) == (0, False)
    assert re.search(r"occlusion, at most \S+ less", Path("page.html").read_text())


def test_a_net_without_space_is_explained_by_occlusion_alone(explain):
    head = HEAD % {"blob": "prob", "bottom": "data", "count": 3, "kind": "Softmax"}
    write_net(Path("net.caffemodel"), head)
    code, _, err = explain("1.jpg")
    assert (code, err[0]) == (0, "no layer of the net has height and width: occlusion alone")
    code, _, err = explain("1.jpg", "--method=grad-cam")
    assert (code, len(err)) == (2, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no.jpg"], "error: no.jpg: is no photo: not a picture that can be decoded"),
        (["1.jpg", "--class=dgo"], 'error: --class: there is no class "dgo"; did you mean "dog"?'),
        (
            ["1.jpg", "--layer=cnv"],
            'error: --layer: "cnv" is no layer that prob is made of; did you',
        ),
        (["1.jpg", "--weights=net.caffemodel,net.caffemodel"], "error: --weights: one net is"),
        (["1.jpg", "--out=x.doc"], "error: x.doc: .doc is no form of a picture"),
        (["1.jpg", "--out=1.jpg/x.png"], "error: "),
        (["2.jpeg"], "error: 2.jpeg: no such file or folder"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(explain, words, told):
    code, out, err = explain(*words)
    assert (code, out) == (2, [])
    (error,) = [line for line in err if line.startswith("error")]
    assert error.startswith(told)
    assert not written()


def test_too_many_photos_for_a_picture_are_asked_for_a_page(explain):
    Path("many").mkdir()
    for number in range(13):
        Path(f"many/{number}.jpg").write_bytes(Path("1.jpg").read_bytes())
    code, _, err = explain("many")
    assert code == 2
    assert "write a page: --out explanation.html" in err[0]
