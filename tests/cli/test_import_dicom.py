"""``workbench import dicom`` on real films: the manifest, what was skipped, and where the key lies."""

from workbench.core.manifest import read_manifest


def test_dicom_is_imported_and_its_key_lies_beside_it(workbench, tmp_path, shared_data, monkeypatch):
    monkeypatch.delenv("WORKBENCH_PATIENT_KEY", raising=False)
    done = workbench("import", "dicom", shared_data / "dicom", "--to", tmp_path / "sets" / "real.csv")
    assert done.code == 0, done
    assert "3 films" in done.out
    assert "damaged: the JPEG stream's scan" in done.out
    assert (tmp_path / "sets" / "patient.key").stat().st_mode & 0o777 == 0o600
    manifest = read_manifest(tmp_path / "sets" / "real.csv", shared_data / "dicom")
    assert [case.body_part for case in manifest] == ["hand", "extremity", ""]
