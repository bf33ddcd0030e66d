from __future__ import annotations

import torch

from core.training.codec.quantizer import make_quantizer, revive_dead_entries, start_from_latents


def test_kmeans_start_uses_every_codebook_and_lowers_the_error() -> None:
    torch.manual_seed(0)
    latents = torch.randn(4_000, 8)
    quantizer = make_quantizer(dim=8, codebooks=3, size=64).eval()
    start_from_latents(quantizer, latents, seed=0)
    x = latents[:500].T[None]
    errors = []
    for books in (1, 2, 3):
        codes = quantizer.vq.encode(x, n_q=books)
        errors.append(float((quantizer.vq.decode(codes) - x).pow(2).mean()))
    assert errors[0] > errors[1] > errors[2]
    codes = quantizer.vq.encode(latents.T[None], n_q=3)
    assert all(len(book.unique()) > 56 for book in codes)


def test_dead_entries_come_back_to_life() -> None:
    torch.manual_seed(0)
    latents = torch.randn(2_000, 8)
    quantizer = make_quantizer(dim=8, codebooks=1, size=64).train()
    start_from_latents(quantizer, latents, seed=0)
    book = quantizer.vq.layers[0]._codebook
    book.embed[:32] = 100.0  # far from every latent: never chosen again
    book.embed_avg[:32] = 0.0
    book.cluster_size[:32] = 0.0
    batch = latents[:1_000].T[None]
    assert revive_dead_entries(quantizer, batch) == [32]
    for _ in range(5):
        quantizer(batch, 50)
    assert len(quantizer.encode(batch, 50).unique()) > 48
