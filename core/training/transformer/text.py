"""The starter model's own text side: a tokenizer made from captions, a small T5 encoder."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterable

from transformers import T5Config, T5EncoderModel, T5Tokenizer

SPECIAL = ("<pad>", "</s>", "<unk>")
UNSEEN_CHARACTER = -12.0  # log-probability: worse than any word, better than <unk>
TEMPI = range(30, 301)  # whole numbers that are one token each


def make_tokenizer(captions: Iterable[str], seen: int = 3) -> T5Tokenizer:
    """A Unigram tokenizer in T5's layout: the captions' words, and every character.

    Words that occur at least `seen` times are pieces, in lower case and capitalised; any
    other word falls apart into characters. Every tempo from 30 to 300 bpm is one piece, met in
    training or not, so that its meaning need not be put together from digits. (Words are
    counted rather than learnt by expectation maximisation, whose result differs from run to
    run.)
    """
    words = Counter(word for text in captions for word in re.findall(r"[a-z]+", text.lower()))
    total = sum(words.values())
    pieces = [(piece, 0.0) for piece in SPECIAL]
    known = set(SPECIAL)
    for word, count in sorted(words.items(), key=lambda item: (-item[1], item[0])):
        if count < seen:
            continue
        for spelling, share in ((word, 1.0), (word.capitalize(), 0.1)):
            for piece in (f"▁{spelling}", spelling):
                if piece not in known:
                    known.add(piece)
                    pieces.append((piece, math.log(share * count / total)))
    for number in TEMPI:
        pieces += [(f"▁{number}", UNSEEN_CHARACTER / 2), (str(number), UNSEEN_CHARACTER / 2)]
    for character in "▁" + string.ascii_letters + string.digits + string.punctuation:
        if character not in known:
            pieces.append((character, UNSEEN_CHARACTER))
    return T5Tokenizer(vocab=pieces, extra_ids=0)


def number_tokens(tokenizer: T5Tokenizer) -> dict[int, list[int]]:
    """Token ids of each tempo of TEMPI: at a word's start, and inside."""
    found = tokenizer.get_vocab()
    return {n: [found[p] for p in (f"▁{n}", str(n)) if p in found] for n in TEMPI}


def small_t5(vocab: int, width: int = 192, layers: int = 3) -> T5EncoderModel:
    """An encoder of about 1.5 M parameters, random weights."""
    return T5EncoderModel(
        T5Config(
            vocab_size=vocab,
            d_model=width,
            d_kv=48,
            num_heads=4,
            d_ff=4 * width,
            num_layers=layers,
            dropout_rate=0.0,
            feed_forward_proj="relu",
            tie_word_embeddings=True,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
