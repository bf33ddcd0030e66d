"""Put a trained codec, Transformer and text encoder together as a MusicGen checkpoint.

    python -m core.training.export CODEC_RUN TRANSFORMER_RUN FOLDER

The folder is in the Hugging Face MusicGen layout, float16, so that stock `transformers`
loads it as it is. Written beside the folder first: a failure leaves an old one whole.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from transformers import (
    EncodecFeatureExtractor,
    GenerationConfig,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    T5Tokenizer,
)

from core.model.config import ModelConfig
from core.model.language_model import LanguageModel
from core.training.codec.trainer import finished_codec
from core.training.transformer.checkpoint import trained_weights
from core.training.transformer.text import small_t5
from core.types import MODEL_RATE

# Of a training window. Its pieces end in its last seconds, so a take that looked back on all of it
# would hear the end coming, and sink before each new window (`make bench ARGS=windows`).
LOOKED_BACK_ON = 14 / 15


def export(codec_run: Path, transformer_run: Path, folder: Path) -> None:
    """codec_run, transformer_run: the `out` folders of the two runs.

    transformer_run may name one of its checkpoints; of the folder best.pt is taken, else
    last.pt. The averaged weights are taken where the run kept some.
    """
    codec = finished_codec(codec_run / "last.pt")
    state, tokenizer_folder = trained_weights(transformer_run)
    shape = ModelConfig(**state["shape"])
    tokenizer = T5Tokenizer.from_pretrained(tokenizer_folder)
    text = small_t5(len(tokenizer), shape.text_hidden)
    text.load_state_dict(state["text"])
    language_model = LanguageModel(shape)
    language_model.load_state_dict(state["model"])

    config = MusicgenConfig(**shape.to_hugging_face(text.config.to_dict(), codec.config.to_dict()))
    whole = MusicgenForConditionalGeneration(config)
    weights = language_model.to_hugging_face()
    weights |= {f"text_encoder.{k}": v for k, v in text.state_dict().items()}
    weights |= {f"audio_encoder.{k}": v for k, v in codec.state_dict().items()}
    missing, unexpected = whole.load_state_dict(weights, strict=False)
    # positions are computed, not learnt: transformers keeps them as a table outside the file
    missing = [name for name in missing if "embed_positions" not in name]
    if missing or unexpected:
        raise RuntimeError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    whole.generation_config = GenerationConfig(
        do_sample=True,
        guidance_scale=3.0,
        top_k=250,
        temperature=1.0,
        max_length=round(shape.window_frames * LOOKED_BACK_ON),
        pad_token_id=shape.special_token,
        bos_token_id=shape.special_token,
        decoder_start_token_id=shape.special_token,
    )

    temporary = folder.with_name(folder.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    whole.half().save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    EncodecFeatureExtractor(feature_size=1, sampling_rate=MODEL_RATE).save_pretrained(temporary)
    card = folder / "README.md"
    if card.exists():
        shutil.copy(card, temporary)
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)


if __name__ == "__main__":
    export(*(Path(argument) for argument in sys.argv[1:4]))
