"""What a clip sounds like: its style, and who plays (drums, bass, piano …, full).

Two logistic regressions on one standardised and whitened set of features, trained on composed
pieces as they were rendered and as the model's codec gives them back, so that they hear the music
and not the codec. The whitened features are also the space of the Fréchet distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

COMPONENTS = 96

Rows = NDArray[np.float64]
Labels = Sequence[str]


class Classifier:
    """Fitted on features [clips, features]; deterministic."""

    def __init__(self, rows: Rows, styles: Labels, players: Labels) -> None:
        components = min(COMPONENTS, len(rows) - 1, rows.shape[1])
        self._space = make_pipeline(
            StandardScaler(), PCA(components, whiten=True, random_state=0, svd_solver="full")
        )
        embedded = self._space.fit_transform(rows)
        self._style = _fitted(embedded, styles)
        self._players = _fitted(embedded, players)

    def embed(self, rows: Rows) -> Rows:
        """[clips, components], whitened over the training music."""
        return self._space.transform(rows)

    def styles(self, rows: Rows) -> list[str]:
        return list(self._style.predict(self.embed(rows)))

    def players(self, rows: Rows) -> list[str]:
        return list(self._players.predict(self.embed(rows)))


def _fitted(embedded: Rows, labels: Labels) -> LogisticRegression:
    return LogisticRegression(C=0.05, max_iter=500, class_weight="balanced").fit(embedded, labels)


def accuracy(found: Labels, true: Labels) -> float:
    return float(np.mean([a == b for a, b in zip(found, true, strict=True)])) if true else 0.0


def chance(true: Labels) -> float:
    """The accuracy of prompts dealt out anew: two clips drawn from `true` have one label."""
    _, counts = np.unique(np.asarray(true), return_counts=True)
    return float(np.sum((counts / counts.sum()) ** 2))


def frechet_distance(first: Rows, second: Rows) -> float:
    """Between the normal distributions fitted to two sets [clips, components].

    (Dowson and Landau, 1982; on audio: Kilgour et al., 2019, "Fréchet Audio Distance",
    arXiv:1812.08466.) The root's trace is taken through the eigenvalues of one symmetric product,
    which stays real where the covariances are singular.
    """
    means = first.mean(axis=0) - second.mean(axis=0)
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    middle = np.linalg.eigvalsh(root @ b @ root)
    trace = np.trace(a) + np.trace(b) - 2 * np.sqrt(np.maximum(middle, 0)).sum()
    return float(means @ means + trace)
