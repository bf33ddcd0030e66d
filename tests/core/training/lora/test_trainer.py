"""LoRA training on a tiny model: it learns, goes on where it was stopped, says what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file

from core.errors import BadCheckpoint, BadInput
from core.generation.generator import Generator
from core.generation.params import Prompt, SamplingParams
from core.model.adapter_file import read_adapter
from core.model.adapter_location import locate_adapter
from core.model.adapters import AdapterBlend
from core.model.checkpoint import load_checkpoint
from core.training.cli import train
from core.training.lora.finetune import Finetune, finetune
from core.training.lora.settings import LoraTraining
from core.training.lora.trainer import LoraTrainer
from core.training.run.terminal import Terminal
from core.training.tokens.clips import read_tokens
from core.training.transformer.objective import Objective
from core.training.transformer.validation import Validation
from tests.core.tiny_checkpoints import VOCAB, make_checkpoint

FRAMES = 60


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Ten clips that each repeat one bar of ten frames, with little in common but that."""
    return make_tokens(tmp_path / "tokens", books=4)


def make_tokens(folder: Path, books: int) -> Path:
    random = np.random.default_rng(0)
    bar = random.integers(0, VOCAB, (books, 10))
    rows, clips = [], []
    for number in range(10):
        rows.append(np.tile(np.roll(bar, number, axis=1), FRAMES // 10).astype(np.int16))
        clips.append(
            {"name": f"loop{number}.wav", "start": FRAMES * number, "frames": FRAMES,
             "captions": ["square lead"], "facts": {}}
        )  # fmt: skip
    folder.mkdir()
    save_file({"codes": np.concatenate(rows, axis=1)}, folder / "tokens-00000.safetensors")
    (folder / "tokens-00000.json").write_text(json.dumps({"clips": clips}))
    return folder


def settings(tokens: Path, model: Path, out: Path, **more: Any) -> LoraTraining:
    wanted: dict[str, Any] = {
        "tokens": tokens, "out": out, "model": str(model), "device": "cpu", "rank": 4,
        "alpha": 8.0, "steps": 30, "warmup": 2, "rate": 0.02, "frames_a_step": 4 * FRAMES,
        "crop_frames": FRAMES, "held_out": 0.0, "save_every": 100, "trigger": "zither",
    }  # fmt: skip
    return LoraTraining(**{**wanted, **more})


def trainer(config: LoraTraining) -> LoraTrainer:
    return LoraTrainer(config, Terminal(quiet=True))


def loss_of(model: Path, tokens: Path, adapter: Path | None) -> float:
    """Mean cross-entropy of the clips, through the file as a player reads it."""
    loaded = load_checkpoint(str(model), trainable=True)
    if adapter is not None:
        blend = AdapterBlend(loaded.lm)
        blend.put("a", read_adapter(adapter, loaded.config, loaded.digest), 1.0)
    clips = [replace(clip, captions=["zither, square lead"]) for clip in read_tokens(tokens)]
    conditioner = loaded.conditioner
    validation = Validation(clips, clips, conditioner.tokenizer, loaded.config, FRAMES, 5)
    return sum(validation.of(Objective(loaded.lm, conditioner.encoder))) / loaded.config.codebooks


@pytest.mark.parametrize("kind", ["mono", "stereo"])
def test_it_learns_the_clips_and_leaves_the_model_alone(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model: Path = request.getfixturevalue(f"tiny_{kind}")
    tokens = make_tokens(tmp_path / "tokens", 8 if kind == "stereo" else 4)
    run = trainer(settings(tokens, model, tmp_path / "run"))
    before = {name: one.clone() for name, one in run.loaded.lm.state_dict().items()}
    assert run.run()
    after = run.loaded.lm.state_dict()
    assert all(torch.equal(one, after[name]) for name, one in before.items())
    file = tmp_path / "run" / "adapter.safetensors"
    without, with_it = loss_of(model, tokens, None), loss_of(model, tokens, file)
    assert with_it < 0.75 * without
    with safe_open(file, "pt") as opened:
        said = opened.metadata()
    assert said["base_digest"] == run.loaded.digest
    assert (said["trigger"], said["licence"]) == ("zither", "CC-BY-4.0")
    assert (said["steps"], said["clips"], said["rank"]) == ("30", "10", "4")


def test_what_is_generated_moves_towards_the_clips(
    tokens: Path, tiny_mono: Path, tmp_path: Path
) -> None:
    """Continuing a clip, it draws codes that the clips have, in the codebook they have them in."""
    trainer(settings(tokens, tiny_mono, tmp_path / "run", steps=60, rate=0.05)).run()
    context = read_tokens(tokens)[3].codes[:, :30]
    whole = np.concatenate([clip.codes for clip in read_tokens(tokens)], axis=1)
    seen = [set(np.unique(book)) for book in whole]
    generator = Generator.load(str(tiny_mono), "cpu")

    def share() -> float:
        stream = generator.open(Prompt("square lead"), SamplingParams(seed=3), 40, context)
        while not stream.ended:
            stream.step()
        codes = stream.untold_codes()
        assert codes is not None
        return float(np.mean([[c in seen[k] for c in codes[k]] for k in range(4)]))

    plain = share()
    generator.adapters.use(str(tmp_path / "run" / "adapter.safetensors"), 1.0)
    assert share() > 3 * max(plain, 0.025)  # of 160 codes
    generator.adapters.use(str(tmp_path / "run" / "adapter.safetensors"), 0.0)
    assert share() == plain


def test_stopped_and_gone_on_with_it_is_the_same_adapter(
    tokens: Path, tiny_mono: Path, tmp_path: Path
) -> None:
    whole = settings(tokens, tiny_mono, tmp_path / "whole", steps=8, dropout=0.1)
    trainer(whole).run()
    half = settings(tokens, tiny_mono, tmp_path / "half", steps=8, dropout=0.1, save_every=4)
    first = trainer(half)
    for _ in range(4):
        first.adapter.train()
        first.step()
    first.save()
    first.step()  # lost: what came after the last save
    assert trainer(half).run()
    for name, one in load_file(tmp_path / "whole" / "adapter.safetensors").items():
        assert torch.equal(one, load_file(tmp_path / "half" / "adapter.safetensors")[name]), name


def test_it_does_not_go_on_with_what_does_not_fit(
    tokens: Path, tiny_mono: Path, tiny_stereo: Path, tmp_path: Path
) -> None:
    config = settings(tokens, tiny_mono, tmp_path / "run", steps=1)
    trainer(config).run()
    with pytest.raises(BadCheckpoint, match="another rank or other targets"):
        trainer(replace(config, rank=5))
    with pytest.raises(BadInput, match=r"4 codebooks, .* has 8; tokenize"):
        trainer(replace(config, model=str(tiny_stereo)))
    other = make_checkpoint(tmp_path / "other", seed=4)
    with pytest.raises(BadInput, match="is for another model"):
        trainer(replace(config, model=str(other)))
    index = tokens / "tokens-00000.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "codec": "0" * 16}))
    with pytest.raises(BadInput, match="of another codec"):
        trainer(replace(config, out=tmp_path / "new"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rnak = 4", "did you mean 'rank'"),
        ("rank = 0", "out of range"),
        ('targets = ["selfattn"]', "target 'selfattn' is unknown; use some of self_attn"),
        ("targets = []", "targets is empty"),
        ('rate = "fast"', "is not a number"),
    ],
)
def test_a_config_with_a_typo_is_named(tmp_path: Path, line: str, says: str) -> None:
    config = tmp_path / "a.toml"
    config.write_text(f'kind = "lora"\ntokens = "tokens"\nout = "run"\n{line}\n')
    with pytest.raises(BadInput, match=says):
        train(config)


def test_train_reads_a_config(tokens: Path, tiny_mono: Path, tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text(
        f'kind = "lora"\ntokens = "tokens"\nout = "run"\nadapter = "a.safetensors"\n'
        f'model = "{tiny_mono}"\ndevice = "cpu"\nsteps = 1\ncrop_frames = 20\n'
        'targets = ["self_attn"]\n'
    )
    train(config)
    names = load_file(tmp_path / "a.safetensors")
    assert names
    assert all("self_attn" in name for name in names)


def test_finetune_from_a_folder(audio_folder: Path, tiny_mono: Path) -> None:
    """Tokens, training, a file under its name; the same command again has nothing left to do."""
    asked = Finetune(audio_folder, "tones", str(tiny_mono), "cpu", steps=2, rank=2, trigger="tono")
    said: list[str] = []
    assert finetune(asked, said.append)
    assert said[0].startswith("wrote 6 clips")
    made = locate_adapter("tones").read_bytes()
    assert finetune(asked, said.append)
    assert locate_adapter("tones").read_bytes() == made
    assert finetune(replace(asked, steps=4), said.append)
    assert locate_adapter("tones").read_bytes() != made


def test_finetune_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no audio below"):
        finetune(Finetune(tmp_path / "empty", "a"))
    for name in ("", "a/b", "../a"):
        with pytest.raises(BadInput, match="is no name for an adapter"):
            finetune(Finetune(tmp_path / "empty", name))
