"""The starter model's own text side: a tokenizer learnt from captions, a small T5 encoder."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import T5Config, T5EncoderModel, T5Tokenizer

SPECIAL = ["<pad>", "</s>", "<unk>"]


def learn_tokenizer(captions: Iterable[str], size: int = 1_200) -> T5Tokenizer:
    """A Unigram tokenizer in T5's layout, learnt from captions.

    Digits stand alone, so that a tempo never met in training is still read as a number.
    """
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False,
        initial_alphabet=list(string.ascii_letters + string.digits + string.punctuation),
    )
    learner.train_from_iterator(captions, trainer)
    # T5Tokenizer splits at spaces alone, but no piece holds two digits, so neither does it.
    pieces = json.loads(learner.to_str())["model"]["vocab"]
    return T5Tokenizer(vocab=[(piece, score) for piece, score in pieces], extra_ids=0)


def small_t5(vocab: int, width: int = 192, layers: int = 3) -> T5EncoderModel:
    """An encoder of about 1.5 M parameters, random weights."""
    return T5EncoderModel(
        T5Config(
            vocab_size=vocab, d_model=width, d_kv=48, num_heads=4, d_ff=4 * width,
            num_layers=layers, dropout_rate=0.0, feed_forward_proj="relu",
            tie_word_embeddings=True, pad_token_id=0, eos_token_id=1,
        )
    )
