"""Models of images: a killed fit is taken up, and under a promise nothing of the images leaves unpaid."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mute import mute

from domains.pipeline import image_promise, imaging
from domains.pipeline.image_promise import ImagePromise, declared_promise
from domains.pipeline.imaging import fit_images
from privacy.access import PrivateAccess
from privacy.budget.ledger import Ledger
from privacy.budget.promise import Mechanisms
from shared.engines.encoded import Images
from shared.engines.image.config import ImageConfig
from shared.engines.image.files import png_of, write_images
from shared.errors import BudgetRefused, ConfigurationError, DataError
from shared.training.reporter import SilentReporter
from tests.domains.pipeline.killed import Killing, killed_in

__all__ = ["mute"]

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROMISE = ImagePromise(source="scans", images_about=60, size=(6, 6, 1), labels=("left", "right"), epsilon=4.0, cap=10.0)
SETTINGS = {"epochs": 6.0, "batch_units": 12, "width": 8, "latent": 4}
_PLANNED: dict[str, Mechanisms] = {}


def spots(folder: Path, n: int = 50, *, seed: int = 0) -> Path:
    """Images with a spot on the left or on the right."""
    random = np.random.default_rng(seed)
    pixels, labels = np.zeros((n, 6, 6, 1), dtype=np.uint8), random.integers(0, 2, n).astype(np.int32)
    labels[:4] = [0, 1, 0, 1]
    pixels[np.arange(n), random.integers(0, 6, n), 4 * labels] = random.integers(100, 256, (n, 1))
    write_images([Images(pixels, labels, ("left", "right"))], folder)
    return folder


def planned_once(self: ImagePromise, settings: Any) -> Mechanisms:
    """The calibration takes a second, and these tests ask the same again and again."""
    asked = repr((self.epsilon, self.images_about, self.names, settings))  # the cap has no part in it
    if asked not in _PLANNED:
        _PLANNED[asked] = _calibrated(self, settings)
    return _PLANNED[asked]


_calibrated = ImagePromise.mechanisms


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SIMULACRA_LEDGER", raising=False)
    monkeypatch.setattr(ImagePromise, "mechanisms", planned_once)
    return tmp_path / "ledger.sqlite"


def fit(
    folder: Path,
    name: str = "model",
    *,
    promise: ImagePromise | None = None,
    reporter: SilentReporter | None = None,
    **settings: Any,
) -> dict[str, Any]:
    return fit_images(
        folder / "spots", folder / name, settings={**SETTINGS, **settings}, seed=1, device="cpu", now=NOW,
        reporter=reporter or SilentReporter(), promise=promise, ledger=folder / "ledger.sqlite",
        checkpoint_seconds=0.0,
    )  # fmt: skip


def killed(folder: Path, step: int, promise: ImagePromise | None = None, **settings: Any) -> None:
    """A fit in a process of its own that is killed."""
    if promise is not None:  # calibrated here, and known there
        promise.mechanisms(ImageConfig.with_settings({**SETTINGS, **settings}, private=True))
    killed_in(_fit, folder, step, promise, settings, _PLANNED)


def _fit(
    folder: Path, step: int, promise: ImagePromise | None, settings: dict[str, Any], planned: dict[str, Mechanisms]
) -> None:
    _PLANNED.update(planned)
    ImagePromise.mechanisms = planned_once  # type: ignore[method-assign]
    fit(folder, promise=promise, reporter=Killing(step), **settings)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def charges(ledger: Path) -> list[str]:
    return [entry.state for entry in Ledger.open(ledger).history("scans")]


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_a_killed_fit_ends_as_the_unbroken_one_to_the_byte(kind: str, tmp_path: Path) -> None:
    spots(tmp_path / "spots")
    for step in (3, 9):
        killed(tmp_path, step, kind=kind)
    assert (tmp_path / ".model.unfinished").is_dir()
    fit(tmp_path, kind=kind)
    fit(tmp_path, "unbroken", kind=kind)
    assert content(tmp_path / "model") == content(tmp_path / "unbroken")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_images_that_changed_in_between_are_refused(tmp_path: Path) -> None:
    spots(tmp_path / "spots")
    killed(tmp_path, 5)
    spots(tmp_path / "spots", seed=1)
    with pytest.raises(DataError, match="have changed since the run began"):
        fit(tmp_path)


def test_a_private_fit_that_is_taken_up_keeps_its_one_charge_and_asks_nothing_again(
    tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spots(tmp_path / "spots")
    killed(tmp_path, 5, PROMISE)
    assert charges(ledger) == ["reserved"]

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the statistics were answered before")

    monkeypatch.setattr("privacy.statistics.PrivateStatistics.answer", asked)
    fit(tmp_path, promise=PROMISE)
    assert charges(ledger) == ["spent"]


@pytest.mark.parametrize("kind", ["vae", "gan"])
def test_a_promise_is_charged_for_the_steps_that_ran_and_the_model_says_it(
    kind: str, tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    step = PrivateAccess._private_step

    def counted(self: PrivateAccess, *given: Any) -> float:
        taken.append(1)
        return step(self, *given)

    monkeypatch.setattr(PrivateAccess, "_private_step", counted)
    spots(tmp_path / "spots")
    made = fit(tmp_path, promise=PROMISE, kind=kind)
    assert made["privacy"] == {"epsilon": 4.0, "delta": 1e-3}
    said = json.loads((tmp_path / "model" / "model.json").read_text())
    assert (said["source"], said["images_about"], said["promise"]["unit"]) == ("scans", 60, "image")
    events = [event for event in said["promise"]["mechanisms"] if event["kind"] == "poisson_sampled_gaussian"]
    assert sum(event["steps"] for event in events) == len(taken) == 30
    assert charges(ledger) == ["spent"]
    assert Ledger.open(ledger).spent("scans") <= 4.0


def test_the_budget_is_reserved_before_an_image_is_read_and_a_failed_run_has_spent_it(
    tmp_path: Path, ledger: Path
) -> None:
    spots(tmp_path / "spots")
    (tmp_path / "spots" / "left" / "broken.png").write_bytes(b"none")
    tight = ImagePromise(**{**PROMISE.__dict__, "cap": 5.0})
    with pytest.raises(DataError, match=r"broken\.png is no PNG"):
        fit(tmp_path, promise=tight)
    assert charges(ledger) == ["failed"]
    with pytest.raises(BudgetRefused, match="has spent epsilon"):
        fit(tmp_path, promise=tight)


def test_what_no_mechanism_says_does_not_depend_on_images(tmp_path: Path, mute: None) -> None:
    """With mechanisms that answer the same whatever they see, all files and all that is told are the same."""
    seen = []
    for name, images, seed in (("few", 40, 1), ("many", 80, 2)):
        spots(tmp_path / name / "spots", images, seed=seed)
        seen.append((fit(tmp_path / name, promise=PROMISE), content(tmp_path / name / "model")))
    assert seen[0] == seen[1]
    files = set(seen[0][1])
    assert files >= {"report.html", "model.json", "config.json", "weights.safetensors", "epochs/0001.png"}
    assert not [name for name in files if name.startswith("internal")]
    page = seen[0][1]["report.html"].decode()
    assert "ε = 4, δ = 0.001" in page
    assert "about 60 (declared) images" in page
    assert "Training images" not in page


def test_a_single_declared_label_costs_nothing_but_steps() -> None:
    alone = ImagePromise(source="s", images_about=60, size=(6, 6, 1), labels=(), epsilon=4.0)
    settings = ImageConfig.with_settings(SETTINGS, private=True)
    assert alone.mechanisms(settings).statistics_multiplier == 0
    assert PROMISE.mechanisms(settings).statistics_multiplier > 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "left").rename(folder / "top"), "top has PNGs, and the declared labels are left, ri"),
        (
            lambda folder: (folder / "left" / "a.png").write_bytes(png_of(np.zeros((9, 9, 1), np.uint8))),
            "9 x 9, 1 and the declared size is 6 x 6, 1",
        ),
    ],
)
def test_images_that_are_not_as_declared_are_refused(spoil: Any, message: str, tmp_path: Path) -> None:
    spoil(spots(tmp_path / "spots"))
    with pytest.raises(DataError, match=message):
        fit(tmp_path, promise=PROMISE)
    assert not (tmp_path / "model").exists()


def test_a_declared_label_may_have_no_images(tmp_path: Path) -> None:
    spots(tmp_path / "spots")
    promise = ImagePromise(**{**PROMISE.__dict__, "labels": ("left", "middle", "right")})
    assert fit(tmp_path, promise=promise)["labels"] == ["left", "middle", "right"]


DECLARED: dict[str, Any] = {
    "epsilon": 3.0, "delta": None, "source": "scans", "images_about": 60, "size": "8x6x1", "labels": ["a"], "cap": None
}  # fmt: skip


def test_options_declare_a_promise() -> None:
    promise = declared_promise(**DECLARED)
    assert promise is not None
    assert (promise.size, promise.labels) == ((6, 8, 1), ("a",))
    assert declared_promise(**dict.fromkeys(DECLARED) | {"labels": []}) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": None, "size": None}, "--source, --size missing; such as --source scans"),
        ({"epsilon": None}, "--source declares a part of a promise, and none is asked for; give --epsilon"),
        ({"size": "8x8"}, "--size is '8x8'; give WIDTHxHEIGHTxCHANNELS"),
        ({"size": "3x8x1"}, "sides from 4 pixels on"),
        ({"labels": ["a", "a"]}, "--label 'a' is given twice"),
        ({"source": "a b"}, "--source is 'a b'"),
    ],
)
def test_what_is_declared_wrongly_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        declared_promise(**{**DECLARED, **changes})


def test_a_source_without_a_cap_and_a_penalty_are_refused_before_anything_is_charged(
    tmp_path: Path, ledger: Path
) -> None:
    spots(tmp_path / "spots")
    capless = ImagePromise(**{**PROMISE.__dict__, "cap": None})
    with pytest.raises(ConfigurationError, match="--cap is missing, and source 'scans' has no cap"):
        fit(tmp_path, promise=capless)
    with pytest.raises(ConfigurationError, match="no gradients of single images"):
        fit(tmp_path, promise=PROMISE, kind="gan", lipschitz="penalty")
    assert charges(ledger) == []


def test_nothing_of_a_ledger_is_asked_without_a_promise(tmp_path: Path, ledger: Path) -> None:
    spots(tmp_path / "spots")
    made = fit(tmp_path)
    assert made["privacy"] == "none"
    assert not ledger.exists()
    assert json.loads((tmp_path / "model" / image_promise.MODEL).read_text())["promise"] is None
    assert (tmp_path / "model" / imaging.INTERNAL / "report.html").is_file()
