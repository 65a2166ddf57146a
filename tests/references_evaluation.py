"""Slow and plain versions of the tests of AUROCs, straight from their definitions; and data that was published."""

import numpy as np

OVARIAN_CANCER = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
"""The complete records of DeLong, DeLong and Clarke-Pearson (1988): albumin, total protein, K-G score, benefit."""


def ovarian_cancer() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return whether surgery helped (43), and three scores that are higher where it should."""
    rows = np.array(OVARIAN_CANCER.split(), dtype=np.float64).reshape(-1, 4)
    scores = {"albumin": rows[:, 0], "total protein": rows[:, 1], "K-G": 10 - rows[:, 2]}
    return rows[:, 3].astype(np.int64), scores


def wins(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return 1, one half or 0 for each abnormal case (rows) against each normal one (columns)."""
    ill, well = score[truth == 1][:, None], score[truth == 0][None]
    return (ill > well) + 0.5 * (ill == well)


def delong_covariance(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the covariance of AUROCs of independent cases, from the table of all pairs (DeLong, eq. 5-7)."""
    tables = [wins(score, truth) for score in scores]
    by_ill = np.cov([table.mean(axis=1) for table in tables])
    by_well = np.cov([table.mean(axis=0) for table in tables])
    return by_ill / (truth == 1).sum() + by_well / (truth == 0).sum()


def clustered_covariance(truth: np.ndarray, scores: np.ndarray, clusters: list[str]) -> np.ndarray:
    """Return Obuchowski's covariance, cluster by cluster with loops, in her symbols."""
    names, (ill, well) = sorted(set(clusters)), (np.flatnonzero(truth == value) for value in (1, 0))
    owner, big_m, big_n = np.array(clusters), len(ill), len(well)
    tables = [wins(score, truth) for score in scores]
    theta = [table.mean() for table in tables]
    found = np.zeros((len(scores), len(scores)))
    i10, i01 = len({clusters[i] for i in ill}), len({clusters[i] for i in well})
    for r, table_r in enumerate(tables):
        for s, table_s in enumerate(tables):
            s10 = s01 = s11_rs = s11_sr = 0.0
            for name in names:
                here_ill, here_well = owner[ill] == name, owner[well] == name
                x_r = table_r.mean(axis=1)[here_ill].sum() - here_ill.sum() * theta[r]
                x_s = table_s.mean(axis=1)[here_ill].sum() - here_ill.sum() * theta[s]
                y_r = table_r.mean(axis=0)[here_well].sum() - here_well.sum() * theta[r]
                y_s = table_s.mean(axis=0)[here_well].sum() - here_well.sum() * theta[s]
                s10 += i10 / ((i10 - 1) * big_m) * x_r * x_s
                s01 += i01 / ((i01 - 1) * big_n) * y_r * y_s
                s11_rs += len(names) / (len(names) - 1) * x_r * y_s
                s11_sr += len(names) / (len(names) - 1) * x_s * y_r
            found[r, s] = s10 / big_m + s01 / big_n + (s11_rs + s11_sr) / (big_m * big_n)
    return found
