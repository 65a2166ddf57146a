import threading
from dataclasses import replace

import numpy as np
import pytest

from workbench.attribution.explain import explain
from workbench.audit.edits import Cover
from workbench.core.errors import MethodRefusedError, ModelError, ReaderError
from workbench.dashboards.session import CaseSession
from workbench.models.classifier import predict


@pytest.fixture
def session(flag_reader, confounded):
    made = CaseSession(flag_reader, confounded)
    yield made
    made.close()


def test_a_map_is_explain_s_own_and_is_kept(session, confounded, flag_reader):
    case_id = confounded[5].case_id
    found = session.explanation(case_id, "grad-cam", target="abnormal")
    expected = explain(flag_reader, confounded.select([case_id]), ["grad-cam"], target="abnormal")["grad-cam"]
    np.testing.assert_array_equal(found.maps, expected.maps)
    np.testing.assert_array_equal(found.to_film, expected.to_film)
    assert found.case_ids == (case_id,)
    assert session.explanation(case_id, "grad-cam", target="abnormal") is found
    assert session.explanation(case_id, "grad-cam", target="normal") is not found


def test_the_expected_class_needs_the_label(session, confounded):
    normal = next(case for case in confounded if case.label == "normal")
    assert session.explanation(normal.case_id, target="expected").targets[0] == 0
    unlabelled = CaseSession(session.classifier, confounded.where([replace(normal, label=None)]))
    with pytest.raises(ModelError, match="needs labels"):
        unlabelled.explanation(normal.case_id, target="expected")
    unlabelled.close()


def test_what_is_prefetched_is_there_and_what_waited_is_dropped(session, confounded):
    ids = [case.case_id for case in confounded]
    session.prefetch(ids[:20], "grad-cam")
    session.prefetch(ids[20:], "grad-cam")
    session.close()
    kept = {key[0] for key in session._maps._values}
    assert len(kept & set(ids[:20])) < 20


def test_two_threads_make_one_map(session, confounded):
    found = []
    case_id = confounded[0].case_id
    threads = [threading.Thread(target=lambda: found.append(session.explanation(case_id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in found}) == 1


def test_predictions_grow_and_equal_predict_s(session, confounded, flag_reader):
    ids = [case.case_id for case in confounded]
    session.predict(ids[:5])
    counted = []
    joined = session.predict(ids[3:], progress=lambda done, total: counted.append((done, total)))
    assert sorted(joined.case_ids) == sorted(ids)
    whole, _ = predict(flag_reader, confounded)
    np.testing.assert_allclose(joined.select(ids).probabilities, whole.probabilities)
    assert counted[-1] == (21, 21)


def test_what_if_covers_what_is_read(session, confounded):
    case = next(case for case in confounded if case.has("flag"))
    seen = session.what_if(case.case_id, Cover(), case.mask("flag"), target="abnormal")
    assert seen.change < -0.3
    assert abs(seen.control_change) < 0.05


def test_a_film_that_cannot_be_read_is_an_error_in_words_and_the_rest_stays(session, confounded, tmp_path):
    broken = replace(confounded[0], image="gone.png")
    made = CaseSession(session.classifier, confounded.where([broken, *confounded.cases[1:]]))
    with pytest.raises(ReaderError, match=r"gone\.png"):
        made.explanation(broken.case_id)
    made.prefetch([broken.case_id], "grad-cam")
    assert made.explanation(confounded[1].case_id).maps.size
    made.close()


def test_methods_say_why_they_refuse(session):
    methods = session.methods()
    assert methods["grad-cam"] == ""
    assert "activations" not in methods
    with pytest.raises(MethodRefusedError):
        session.explanation("c00", "activations")
    assert "" in session.layers()


def test_studies_and_classes(session, confounded, flag_reader):
    assert [case.case_id for case in session.study("c03")] == ["c02", "c03"]
    other = replace(confounded, class_names=("fine", "abnormal"), cases=())
    with pytest.raises(ModelError, match="tells"):
        CaseSession(flag_reader, other)
