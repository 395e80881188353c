import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.budget.events import (
    EpsilonDelta,
    Event,
    Gaussian,
    Laplace,
    PoissonSampledGaussian,
    from_json,
    release_events,
    to_json,
)
from privacy.budget.promise import Mechanisms, Promise, Workload
from shared.errors import ConfigurationError

noise = st.floats(0.01, 1e6)
counts = st.integers(1, 10_000)
any_event = st.one_of(
    st.builds(PoissonSampledGaussian, rate=st.floats(1e-6, 1.0), multiplier=noise, steps=counts),
    st.builds(Gaussian, multiplier=noise, count=counts),
    st.builds(Laplace, parameter=noise, count=counts),
    st.builds(EpsilonDelta, epsilon=st.floats(0, 50), delta=st.floats(0, 0.5), count=counts),
)

MECHANISMS = Mechanisms(
    promise=Promise(epsilon=3, units_about=1000, rows=4, categories=2),
    workload=Workload(unknown_categories=3, unit_columns=2, row_columns=5, row_counts=True),
    category_scale=20.0,
    category_threshold=300.0,
    category_delta=1e-8,
    statistics_multiplier=5.0,
    training_multiplier=2.0,
    batch_units=100,
    steps=50,
    clipping_norm=1.0,
    epsilon=3.0,
    delta=1e-5,
)


@given(st.lists(any_event, max_size=5))
def test_json_gives_the_same_events_back(events: list[Event]) -> None:
    assert from_json(to_json(events)) == tuple(events)


def test_json_is_plain_and_canonical() -> None:
    text = to_json([Gaussian(2.0, 3)])

    assert text == '[{"count":3,"kind":"gaussian","multiplier":2.0}]'


def test_a_release_lists_every_mechanism_that_touches_records() -> None:
    assert release_events(MECHANISMS) == (
        Laplace(10.0, 3),
        EpsilonDelta(0.0, 1e-8, 3),
        Gaussian(5.0),
        PoissonSampledGaussian(0.1, 2.0, 50),
    )


def test_a_stage_that_is_not_used_is_no_event() -> None:
    workload = Workload(unknown_categories=0, unit_columns=0, row_columns=0, row_counts=True, training=False)

    assert release_events(replace(MECHANISMS, workload=workload)) == (Gaussian(5.0),)


def test_a_sampling_rate_never_exceeds_one() -> None:
    *_, training = release_events(replace(MECHANISMS, batch_units=5000))

    assert training == PoissonSampledGaussian(1.0, 2.0, 50)


@pytest.mark.parametrize("stage", ["category_scale", "statistics_multiplier", "training_multiplier"])
def test_a_stage_that_is_used_without_noise_is_refused(stage: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{stage} is 0.0 although the workload uses it"):
        release_events(replace(MECHANISMS, **{stage: 0.0}))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"kind": "cauchy", "count": 1}, "unknown kind of event 'cauchy'; known are poisson_sampled_gaussian"),
        ("gaussian", "unknown kind of event 'gaussian'"),
        ({"kind": "gaussian", "multiplier": 1.0}, r"has the fields \['multiplier'\]; it must have exactly"),
        ({"kind": "gaussian", "multiplier": 1.0, "count": 1, "rate": 1.0}, "must have exactly"),
        (
            {"kind": "gaussian", "multiplier": 0.0, "count": 1},
            "multiplier of event gaussian is 0.0; it must be a number",
        ),
        ({"kind": "gaussian", "multiplier": "1", "count": 1}, "multiplier of event gaussian is '1'"),
        ({"kind": "gaussian", "multiplier": True, "count": 1}, "multiplier of event gaussian is True"),
        ({"kind": "gaussian", "multiplier": math.nan, "count": 1}, "multiplier of event gaussian is nan"),
        (
            {"kind": "gaussian", "multiplier": 1.0, "count": 0},
            "count of event gaussian is 0; it must be a whole number",
        ),
        ({"kind": "gaussian", "multiplier": 1.0, "count": 1.5}, "count of event gaussian is 1.5"),
        ({"kind": "gaussian", "multiplier": 1.0, "count": True}, "count of event gaussian is True"),
        ({"kind": "laplace", "parameter": -1.0, "count": 1}, "parameter of event laplace is -1.0"),
        ({"kind": "epsilon_delta", "epsilon": 1.0, "delta": 1.0, "count": 1}, "delta of event epsilon_delta is 1.0"),
        (
            {"kind": "poisson_sampled_gaussian", "rate": 1.2, "multiplier": 1.0, "steps": 1},
            "rate of event poisson_sampled_gaussian is 1.2",
        ),
    ],
)
def test_what_is_not_an_event_is_refused(record: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_json(json.dumps([record]))


@pytest.mark.parametrize(("text", "message"), [("{", "events are not JSON"), ("{}", "events are a dict; they must be")])
def test_what_is_not_a_list_of_events_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        from_json(text)
