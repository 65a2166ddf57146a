"""Everything about a manifest that can be checked without a model."""

from workbench.core.manifest import Manifest
from workbench.core.progress import Progress
from workbench.data.checking.balance import balance_findings, label_balance
from workbench.data.checking.copies import copy_findings
from workbench.data.checking.films import SeenFilm, film_findings, seen_films, unverifiable
from workbench.data.checking.findings import SEVERITIES, Finding, ManifestCheck
from workbench.data.checking.splits import split_findings, split_parts


def check_manifest(manifest: Manifest, *, progress: Progress | None = None) -> ManifestCheck:
    """Check a whole manifest against its films, and its splits against each other.

    Every film is decoded once, to the last row. Errors make results wrong: films that are absent, unreadable or not
    those of the manifest; annotations that do not fit; twins that are absent or not mutual; patients, studies, twins
    or one picture (equal bytes, equal pixels, nearly equal) in two parts of the data. Warnings may: unusable rows,
    studies or copies with two labels, classes that a split lacks, small groups. Copies within a part, and what the
    manifest does not say, are information.

    Splits that hold variants of the same films, linked by twins (``train-confounded``, ``train-balanced``), are one
    part (:func:`split_parts`), and twins are not copies of each other.

    Parameters
    ----------
    manifest
        All of it: a twin in a split that was left out counts as absent.
    progress
        Told after each film.

    Returns
    -------
    ManifestCheck
        Findings and balance.
    """
    seen = seen_films(manifest, progress)
    films = {image: film for image, film in seen.items() if isinstance(film, SeenFilm)}
    parts = split_parts(manifest)
    balance = label_balance(manifest)
    findings = [
        *(finding for case in manifest for finding in film_findings(case, seen[case.image])),
        *split_findings(manifest, parts),
        *copy_findings(manifest, films, parts),
        *(Finding("warning", "unusable-row", (), str(each)) for each in manifest.skipped),
        *balance_findings(manifest, balance),
        *unverifiable(manifest),
    ]
    return ManifestCheck(
        name=manifest.name,
        class_names=manifest.class_names,
        films=len(manifest),
        read=sum(case.image in films for case in manifest),
        twins=sum(bool(case.twins) for case in manifest),
        findings=tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))),
        balance=balance,
    )
