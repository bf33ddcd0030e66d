from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from core.errors import BadCheckpoint, BadInput
from core.generation.delay_pattern import interleave
from core.model.checkpoint import load_checkpoint
from core.model.location import locate
from core.training.tokens.clips import TokenClip
from core.training.transformer.checkpoint import trained_weights
from core.training.transformer.crops import (
    IGNORED,
    LEAD_IN,
    Batch,
    Crops,
    Metre,
    read_clips,
    split_held_out,
    targets_of,
)
from core.training.transformer.objective import Prepared, phases
from core.training.transformer.settings import TransformerTraining
from core.training.transformer.trainer import TransformerTrainer
from tests.core.training.token_clips import small_run, write_tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return write_tokens(tmp_path / "tokens")


def test_crops_start_on_a_bar_or_lead_in_without_a_loss(tmp_path: Path) -> None:
    """Codes count frames, so a crop tells where it began."""
    codes = np.tile(np.arange(600, dtype=np.int16), (4, 1))
    clip = TokenClip("a", codes, ["x"], {"tempo": 120.0})
    config = small_run(tmp_path, tmp_path)
    crops = Crops([clip], config, special=2048)
    seen = set()
    for step in range(200):
        batch = crops.batch(150, step)
        for row, quiet in zip(batch.codes, batch.quiet, strict=True):
            start = int(row[0, 0])
            seen.add((start % 100 == 0, quiet))
            if quiet == 0:
                assert start % 100 == 0
    assert (True, 0) in seen
    assert (False, LEAD_IN) in seen


def test_targets_are_the_next_step_without_padding_or_lead_in() -> None:
    delays, special = (0, 1, 2, 3), 9
    codes = torch.arange(8).repeat(4, 1)[None] % 8
    delayed = interleave(codes, delays, special)
    targets = targets_of(delayed, Batch(codes, [8], [2], ["x"]), delays, special)
    assert targets.shape[-1] == delayed.shape[-1] - 1
    assert special not in targets
    for book, delay in enumerate(delays):
        counted = targets[0, book][targets[0, book] != IGNORED]
        assert torch.equal(counted, codes[0, book, 2:])
        assert int((targets[0, book, : 2 + delay] != IGNORED).sum()) == 0


def test_training_lowers_the_loss_on_what_it_sees(tokens: Path, tmp_path: Path) -> None:
    trainer = TransformerTrainer(small_run(tokens, tmp_path / "run"))
    batch = Prepared.of(trainer.crops.batch(50, 0), trainer.tokenizer, trainer.shape)
    before = float(trainer.objective.mean(batch).mean().detach())
    for _ in range(40):
        loss = trainer.objective.mean(batch).mean()
        trainer.optimizer.zero_grad()
        loss.backward()
        trainer.optimizer.step()
    assert float(trainer.objective.mean(batch).mean().detach()) < before - 1


def test_a_resumed_run_equals_an_uninterrupted_one(tokens: Path, tmp_path: Path) -> None:
    whole = TransformerTrainer(small_run(tokens, tmp_path / "whole"))
    for _ in range(4):
        whole.step()
    first = TransformerTrainer(small_run(tokens, tmp_path / "parts"))
    for _ in range(2):
        first.step()
    first.save()
    second = TransformerTrainer(small_run(tokens, tmp_path / "parts"))
    for _ in range(2):
        second.step()
    for a, b in zip(whole.weights, second.weights, strict=True):
        assert torch.equal(a, b)
    averages = [t.average.module.state_dict() for t in (whole, second)]
    assert all(torch.equal(a, b) for a, b in zip(*(d.values() for d in averages), strict=True))


def test_parts_of_a_step_add_up_to_it(tokens: Path, tmp_path: Path) -> None:
    runs = [
        TransformerTrainer(small_run(tokens, tmp_path / name, **more))
        for name, more in (
            ("whole", {}),
            ("parts", {"accumulate": 2}),
            ("more parts than rows", {"accumulate": 5}),
            ("blocks run again", {"checkpoint_layers": True}),
        )
    ]
    for _ in range(3):
        losses = [run.step() for run in runs]
        for other in losses[1:]:
            assert torch.allclose(losses[0], other, rtol=1e-5)
    for other in runs[1:]:
        for a, b in zip(runs[0].weights, other.weights, strict=True):
            assert torch.allclose(a, b, atol=1e-5)


def test_the_averaged_weights_lag_behind_and_are_what_is_exported(
    tokens: Path, tmp_path: Path
) -> None:
    run = TransformerTrainer(small_run(tokens, tmp_path / "run", rate=0.01, warmup=0))
    start = run.model.heads.weight.detach().clone()
    for _ in range(3):
        run.step()
    moved = float((run.model.heads.weight.detach() - start).norm())
    average = run.average.module.model.heads.weight
    lag = float((average - run.model.heads.weight.detach()).norm())
    assert 0 < lag < moved
    run.save()
    found, tokenizer = trained_weights(tmp_path / "run")
    assert torch.equal(found["model"]["heads.weight"], average)
    assert (tokenizer / "tokenizer.json").exists()
    plain = TransformerTrainer(small_run(tokens, tmp_path / "plain", ema=0.0))
    plain.step()
    plain.save()
    found, _ = trained_weights(tmp_path / "plain" / "last.pt")
    assert torch.equal(found["model"]["heads.weight"], plain.model.heads.weight)


def test_a_warm_start_takes_what_fits_and_names_the_rest(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = TransformerTrainer(small_run(tokens, tmp_path / "first", ema=0.0))
    first.step()
    first.save()
    capsys.readouterr()
    second = TransformerTrainer(
        small_run(tokens, tmp_path / "second", layers=2, weights_from=tmp_path / "first", seed=9)
    )
    said = capsys.readouterr().out
    assert "model.layers.1.fc1.weight" in said
    assert "model.layers.0" not in said
    assert said.count("\n") == 1
    assert torch.equal(second.model.layers[0].fc1.weight, first.model.layers[0].fc1.weight)
    assert torch.equal(second.text.shared.weight, first.text.shared.weight)
    assert torch.equal(second.average.module.model.heads.weight, first.model.heads.weight)
    with pytest.raises(BadInput, match="weights_from"):
        TransformerTrainer(small_run(tokens, tmp_path / "third", weights_from=tmp_path / "none"))


def test_a_finished_model_can_be_started_from(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TransformerTraining(tokens, tmp_path / "run", weights_from=locate("starter"))
    run = TransformerTrainer(config)
    assert "not taken" not in capsys.readouterr().out
    starter = load_checkpoint("starter", trainable=True)
    mine, theirs = run.model.state_dict(), starter.lm.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    words, known = run.tokenizer.get_vocab(), starter.conditioner.tokenizer.get_vocab()
    table = starter.conditioner.encoder.shared.weight
    assert torch.equal(run.text.shared.weight[words["▁120"]], table[known["▁120"]])


def test_a_damaged_checkpoint_makes_way_for_the_one_before(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = TransformerTrainer(small_run(tokens, tmp_path / "run"))
    for _ in range(2):
        run.step()
        run.save()
    whole = run.checkpoint.read_bytes()
    run.checkpoint.write_bytes(whole[: len(whole) // 2])
    assert TransformerTrainer(small_run(tokens, tmp_path / "run")).schedule.step == 1
    assert "damaged" in capsys.readouterr().out
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    run.checkpoint.write_bytes(flipped)
    assert TransformerTrainer(small_run(tokens, tmp_path / "run")).schedule.step == 1


def test_a_checkpoint_of_other_sizes_is_refused(tokens: Path, tmp_path: Path) -> None:
    run = TransformerTrainer(small_run(tokens, tmp_path / "run"))
    run.save()
    with pytest.raises(BadCheckpoint, match="another `out`"):
        TransformerTrainer(small_run(tokens, tmp_path / "run", hidden=32))


def test_a_run_validates_keeps_the_best_and_pauses_in_time(tokens: Path, tmp_path: Path) -> None:
    run = TransformerTrainer(
        small_run(tokens, tmp_path / "run", held_out=0.5, validate_every=2, log_every=1)
    )
    run.run()
    entries = run.log.entries()
    assert [e["step"] for e in entries if "step" in e] == [1, 2, 3, 4]
    assert [e["validate"] for e in entries if "validate" in e] == [2, 4]
    best = torch.load(tmp_path / "run" / "best.pt", weights_only=True)
    assert best["loss"] == min(e["loss"] for e in entries if "validate" in e)
    paused = TransformerTrainer(small_run(tokens, tmp_path / "short", minutes=1e-6))
    paused.run()
    assert paused.schedule.step == 1
    assert TransformerTrainer(small_run(tokens, tmp_path / "short")).schedule.step == 1


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_checkpoint(
    tokens: Path, tmp_path: Path
) -> None:
    config = small_run(tokens, tmp_path / "run", save_every=1, log_every=4)
    run = TransformerTrainer(config)
    run.step()
    run.save()
    run.model.heads.weight.data[0, 0] = float("nan")
    with pytest.raises(BadInput, match="lower rate"):
        run.run()
    assert TransformerTrainer(config).schedule.step == 1


def test_checkpointed_blocks_keep_less_for_the_way_back(tokens: Path, tmp_path: Path) -> None:
    kept = []
    for name, again in (("plain", False), ("again", True)):
        run = TransformerTrainer(
            small_run(tokens, tmp_path / name, layers=4, checkpoint_layers=again)
        )
        batch = Prepared.of(run.crops.batch(50, 0), run.tokenizer, run.shape)
        sizes: list[int] = []

        def keep(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            hidden = run.model._embed(batch.delayed, 0)
            for layer in run.model.layers:
                hidden = layer(hidden, None, None)
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 4


def test_codes_that_do_not_fit_are_refused(tokens: Path) -> None:
    shard = tokens / "tokens-00000.safetensors"
    save_file({"codes": load_file(shard)["codes"] + np.int16(2_048)}, shard)
    with pytest.raises(BadInput, match="codes from 2048"):
        read_clips(tokens)


def test_pieces_of_a_recording_stay_on_one_side() -> None:
    codes = np.zeros((4, 10), np.int16)
    clips = [TokenClip(f"song {i}.wav#{j}", codes, [], {}) for i in range(40) for j in range(5)]
    trained, kept = split_held_out(clips, 0.2)
    songs = [{clip.name.split("#")[0] for clip in side} for side in (trained, kept)]
    assert len(songs[1]) > 1
    assert not songs[0] & songs[1]
    assert split_held_out(clips[:1], 0.9)[0] == clips[:1]


def test_the_phase_of_beat_and_bar_is_asked_for_where_the_tempo_is_known() -> None:
    codes = torch.zeros(2, 4, 80, dtype=torch.int64)
    # 120 bpm: 25 frames a beat; the second row's tempo is not known
    batch = Batch(codes, [80, 80], [0, 0], ["x", "x"], [Metre(0.5, 1 / 100, 4), None])
    found = phases(batch, 82)
    beat, bar = found[0, :, 0], found[0, :, 2]
    assert bar[0] == pytest.approx(-1)  # half a bar on
    assert bar[50] == pytest.approx(1, abs=1e-5)
    assert beat[[0, 25, 50, 75]].tolist() == pytest.approx([1, 1, 1, 1], abs=1e-5)
    assert not found[0, 80:].isfinite().any()  # padding
    assert not found[1].isfinite().any()
