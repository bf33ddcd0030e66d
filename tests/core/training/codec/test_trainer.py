from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.errors import BadInput
from core.training.codec import quantizer
from core.training.codec import trainer as codec
from core.training.codec.trainer import CodecTrainer, CodecTraining, finished_codec
from core.training.run.config_file import example_config


def small_run(audio: Path, out: Path, **more: object) -> CodecTraining:
    settings: dict[str, object] = {
        "filters": 2,
        "steps": 6,
        "batch": 2,
        "segment_seconds": 0.2,
        "spectrum_windows": (512,),
        "fine_windows": (512,),
        "discriminator_windows": (512,),
        "discriminator_filters": 2,
        "adversarial_share": 1.0,
    }
    return CodecTraining(audio=audio, out=out, **{**settings, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(audio_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a run through all stages, adversary included."""
    out = tmp_path_factory.mktemp("codec")
    with pytest.MonkeyPatch.context() as patch:
        # latents for k-means: one or two an entry, and one round of it
        patch.setattr(quantizer, "KMEANS_ROUNDS", 1)
        patch.setattr(codec, "HELD_OUT_SEGMENTS", 4)
        patch.setattr(CodecTrainer.switch_on_quantiser, "__defaults__", (3_000,))
        shares = {"warm_share": 0.3, "adversarial_share": 0.6}
        trainer = CodecTrainer(small_run(audio_folder, out, **shares))
        trainer.run()
    assert trainer.quantised
    assert trainer.comparison.adversary.steps == 2
    return out / "last.pt"


def parts(trainer: CodecTrainer) -> dict[str, list[Tensor]]:
    model = trainer.model
    return {
        "encoder": [w.clone() for w in model.encoder.state_dict().values()],
        "codebooks": [w.clone() for w in trainer.quantizer.state_dict().values()],
        "decoder": [w.clone() for w in model.decoder.state_dict().values()],
        "average": [w.clone() for w in trainer.average.module.state_dict().values()],
        "discriminator": [
            w.clone() for w in trainer.comparison.adversary.network.state_dict().values()
        ],
    }


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_loss_falls(audio_folder: Path, tmp_path: Path) -> None:
    trainer = CodecTrainer(small_run(audio_folder, tmp_path, steps=1000, rate=2e-3))
    trainer.schedule.warmup = 1
    mel = [trainer.step()["mel"] for _ in range(16)]
    assert sum(mel[-5:]) < 0.95 * sum(mel[:5])


def test_transformers_runs_the_result_with_the_averaged_decoder(trained: Path) -> None:
    finished = finished_codec(trained)
    with torch.inference_mode():
        audio = torch.randn(1, 1, 6_400) * 0.1
        codes = finished.encode(audio).audio_codes
        assert codes.shape == (1, 1, 4, 10)
        assert torch.isfinite(finished.decode(codes, [None]).audio_values).all()
    state = torch.load(trained, weights_only=True)
    average = state["average"]["decoder"]
    assert same(list(finished.decoder.state_dict().values()), list(average.values()))
    raw = [state["model"][f"decoder.{name}"] for name in average]
    assert not same(raw, list(average.values()))


def test_a_run_leaves_figures_a_picture_and_a_sound(trained: Path) -> None:
    out = trained.parent
    assert (out / "spectrogram.png").stat().st_size > 10_000
    assert (out / "samples.wav").stat().st_size > 100_000
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    measured = [entry for entry in entries if "validate" in entry]
    assert [entry["validate"] for entry in measured] == [0, 2, 6]
    assert {"sdr_db", "log_mel", "partials_db", "perplexity_3"} <= measured[-1].keys()
    assert "perplexity_3" not in measured[0]


def test_the_adversary_changes_itself_and_the_codec(
    audio_folder: Path, tmp_path: Path, trained: Path
) -> None:
    results = []
    for share in (0.0, 1.0):
        config = small_run(
            audio_folder, tmp_path / str(share), weights_from=trained, adversarial_share=share
        )
        trainer = CodecTrainer(config)
        before = parts(trainer)
        figures = trainer.step()
        after = parts(trainer)
        assert same(before["discriminator"], after["discriminator"]) == (share == 1.0)
        assert ("discriminator" in figures) == ("adversary" in figures) == (share == 0.0)
        results.append(after["decoder"])
    assert not same(*results)


def test_frozen_tokens_stay_to_the_bit_while_the_decoder_is_tuned(
    audio_folder: Path, tmp_path: Path, trained: Path
) -> None:
    config = small_run(
        audio_folder, tmp_path, weights_from=trained, freeze_share=0.0, adversarial_share=0.0
    )
    trainer = CodecTrainer(config)
    before = parts(trainer)
    for _ in range(3):
        trainer.step()
    after = parts(trainer)
    for part in ("encoder", "codebooks"):
        assert same(before[part], after[part])
    for part in ("decoder", "average", "discriminator"):
        assert not same(before[part], after[part])
    trainer.save()
    audio = torch.randn(1, 1, 6_400) * 0.1
    codes = [
        finished_codec(run).encode(audio).audio_codes for run in (trained, tmp_path / "last.pt")
    ]
    assert torch.equal(*codes)


def test_freezing_needs_tokens(audio_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="freeze_share"):
        small_run(audio_folder, tmp_path, freeze_share=0.0)
    fresh = CodecTrainer(small_run(audio_folder, tmp_path / "fresh"))
    fresh.save()
    config = small_run(
        audio_folder, tmp_path / "next", weights_from=fresh.checkpoint, freeze_share=0.0
    )
    with pytest.raises(BadInput, match="weights_from has none yet"):
        CodecTrainer(config)


def test_weights_of_another_size_are_refused(
    audio_folder: Path, tmp_path: Path, trained: Path
) -> None:
    with pytest.raises(BadInput, match="2 filters and the file says 3"):
        CodecTrainer(small_run(audio_folder, tmp_path, weights_from=trained, filters=3))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one(
    audio_folder: Path, tmp_path: Path, trained: Path, frozen: bool
) -> None:
    def trainer(name: str) -> CodecTrainer:
        more = {"freeze_share": 0.0 if frozen else 1.0, "weights_from": trained}
        more |= {"adversarial_share": 0.3}  # joins in the second step
        return CodecTrainer(small_run(audio_folder, tmp_path / name, **more))

    whole = trainer("whole")
    for _ in range(5):
        whole.step()
    first = trainer("parts")
    for _ in range(3):
        first.step()
    first.save()
    second = trainer("parts")
    assert second.schedule.step == 3
    for _ in range(2):
        second.step()
    expected, found = parts(whole), parts(second)
    for part in expected:
        assert same(expected[part], found[part]), part
    assert whole.comparison.balancer.state_dict() == second.comparison.balancer.state_dict()


def test_the_example_is_a_run(tmp_path: Path) -> None:
    path = tmp_path / "codec.toml"
    path.write_text(example_config("codec"))
    config = CodecTraining.read(path)
    assert config.audio == tmp_path / "music"
    assert config.length == (20_000, None, None)


def test_a_typing_mistake_in_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "codec.toml"
    path.write_text('audio = "a"\nout = "b"\ndiscriminator_window = [2048]\n')
    with pytest.raises(BadInput, match="did you mean 'discriminator_windows'"):
        CodecTraining.read(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("batch", "0"), ("rate", "-1.0"), ("average", "1.0"), ("segment_seconds", "0.05")],
)
def test_a_value_out_of_range_is_named(tmp_path: Path, key: str, value: str) -> None:
    path = tmp_path / "codec.toml"
    path.write_text(f'audio = "a"\nout = "b"\n{key} = {value}\n')
    with pytest.raises(BadInput, match=key):
        CodecTraining.read(path)
