"""How much attribution moved: shares of two readers of known corners, paired, and what is left out."""

import numpy as np
import pytest

from workbench.attribution.explain import explain
from workbench.audit.moved_attribution import films_with, moved_attribution
from workbench.core.errors import ManifestError, OptionError, ReaderError
from workbench.evaluation.intervals import Resampling, mean_interval
from workbench.imaging.regions import attribution_share

FEW = Resampling(100)


def explainer(classifier, films):
    def of(case_id):
        return explain(classifier, films.select([case_id]), ["grad-cam"], target="abnormal")["grad-cam"]

    return of


@pytest.fixture
def models(flag_reader, lesion_reader, confounded):
    return {"flag": explainer(flag_reader, confounded), "lesion": explainer(lesion_reader, confounded)}


def test_attribution_moves_out_of_the_flag_when_the_model_reads_the_lesion(models, confounded):
    cases = films_with(confounded, "flag", count=100).cases
    found = moved_attribution(models, cases, resampling=FEW)
    assert len(found.table) == len(cases) == 12
    assert found.models == ("flag", "lesion")
    change = found.changes["flag", "lesion"]
    assert change.high < -0.2
    assert found.shares["flag"].estimate > 5 * found.area
    assert found.shares["lesion"].estimate < 0.05
    frame = found.to_frame()
    paired = (frame["lesion"] - frame["flag"]).to_numpy()
    assert change == mean_interval(paired, list(frame["patient_id"]), resampling=FEW)


def test_a_share_is_that_of_the_map_on_the_annotated_thing(models, confounded):
    case = films_with(confounded, "flag", count=1).cases[0]
    (row,) = moved_attribution(models, [case], resampling=FEW).table
    film_map = models["flag"](case.case_id).on_film(0)
    assert row["flag"] == attribution_share(film_map, case.mask("flag"))
    assert row["area"] == case.mask("flag").mean()


def test_films_that_one_model_cannot_explain_are_left_out_for_all(models, confounded):
    cases = films_with(confounded, "flag", count=4).cases

    def broken(case_id):
        if case_id == cases[0].case_id:
            raise ReaderError("the film is gone")
        return models["lesion"](case_id)

    told = []
    found = moved_attribution(
        {"flag": models["flag"], "lesion": broken},
        cases,
        resampling=FEW,
        progress=lambda done, of: told.append((done, of)),
    )
    assert [row["case_id"] for row in found.table] == [case.case_id for case in cases[1:]]
    assert "gone" in str(found.skipped[0])
    assert told == [(done, 4) for done in (1, 2, 3, 4)]


def test_maps_without_positive_mass_are_left_out_and_named(models, confounded, flag_reader):
    cases = films_with(confounded, "flag", count=2).cases

    def negative(case_id):
        return explain(flag_reader, confounded.select([case_id]), ["grad-cam"], target="normal")["grad-cam"]

    with pytest.raises(OptionError, match="no positive value"):
        moved_attribution({"flag": models["flag"], "against": negative}, cases, resampling=FEW)


def test_the_choice_of_films_is_seeded_bounded_and_in_order(confounded):
    having = [case.case_id for case in confounded if case.has("flag")]
    some = [case.case_id for case in films_with(confounded, "flag", count=5)]
    assert len(some) == 5
    assert some == [each for each in having if each in some]
    assert some == [case.case_id for case in films_with(confounded, "flag", count=5)]
    others = {tuple(case.case_id for case in films_with(confounded, "flag", count=5, seed=seed)) for seed in range(5)}
    assert len(others) > 1
    assert [case.case_id for case in films_with(confounded, "flag", count=99)] == having


def test_what_is_annotated_nowhere_is_refused(confounded):
    with pytest.raises(ManifestError, match="evidence, flag"):
        films_with(confounded, "hardware", count=3)
    with pytest.raises(OptionError, match="no model"):
        moved_attribution({}, confounded.cases)
    assert np.isfinite(films_with(confounded, "flag", count=1).cases[0].mask("flag").mean())
