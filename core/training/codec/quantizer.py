"""The residual quantiser while it is trained: encodec's, with two of its parts mended.

encodec's own k-means builds an [n, 2048, 128] tensor (63 GB for 60,000 latents), and its
revival of dead entries is overwritten by the moving average in the same step. Here k-means
is scikit-learn's, over latents of an already trained auto-encoder, and a revived entry
starts its moving average afresh.
"""

from __future__ import annotations

import warnings

import torch
from encodec.quantization import ResidualVectorQuantizer
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

KMEANS_ROUNDS = 10


def make_quantizer(dim: int, codebooks: int, size: int) -> ResidualVectorQuantizer:
    """A quantiser whose moving averages suit batches much smaller than a codebook."""
    quantizer = ResidualVectorQuantizer(
        dimension=dim,
        n_q=codebooks,
        bins=size,
        decay=0.99,
        kmeans_init=False,
        threshold_ema_dead_code=0,  # revival is ours, below
    )
    return quantizer


@torch.no_grad()
def start_from_latents(quantizer: ResidualVectorQuantizer, latents: Tensor, seed: int) -> None:
    """k-means for each codebook on the residual the ones before leave. latents: [n, dim]."""
    residual = latents.float().cpu()
    for layer in quantizer.vq.layers:
        book = layer._codebook
        means = KMeans(
            book.codebook_size, init="random", n_init=1, max_iter=KMEANS_ROUNDS, random_state=seed
        )
        with warnings.catch_warnings():  # music that repeats itself: equal entries are revived
            warnings.simplefilter("ignore", ConvergenceWarning)
            means.fit(residual.numpy())
        embed = torch.from_numpy(means.cluster_centers_).float()
        counts = torch.bincount(torch.from_numpy(means.labels_).long(), minlength=len(embed))
        # counts as a step's average would see them, so that the first steps do not overrule
        size = counts.float() / counts.sum() * 256
        book.embed.copy_(embed)
        book.cluster_size.copy_(size)
        book.embed_avg.copy_(embed * size[:, None])
        book.inited.fill_(True)
        residual = residual - embed[means.labels_]


@torch.no_grad()
def revive_dead_entries(
    quantizer: ResidualVectorQuantizer, latents: Tensor, share: float = 0.03
) -> list[int]:
    """Entries used less than `share` of the average restart at latents' residuals.

    latents: [batch, dim, frames] of this batch. Returns how many in each codebook.
    """
    residual = latents.permute(0, 2, 1).reshape(-1, latents.shape[1])
    revived = []
    for layer in quantizer.vq.layers:
        book = layer._codebook
        average = float(book.cluster_size.mean())
        dead = book.cluster_size < share * average
        n = int(dead.sum())
        if n:
            pick = residual[torch.randint(len(residual), (n,))]
            book.embed[dead] = pick
            book.cluster_size[dead] = average / 2
            book.embed_avg[dead] = pick * (average / 2)
        revived.append(n)
        residual = residual - book.embed[book.quantize(residual)]
    return revived
