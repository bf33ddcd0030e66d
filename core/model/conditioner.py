"""Text → cross-attention keys and values, kept for the prompts used last.

A melody or style model has no cross-attention: there, melody or style and text → what it reads
before the codes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from core.generation.params import Prompt
from core.model.language_model import LanguageModel
from core.model.melody import melody_from
from core.model.style import StyleEar
from core.model.text_keys import TextKeys, blended, weighted

MAX_TEXT_TOKENS = 512  # what T5 was trained on; longer texts lose their end
CACHED_PROMPTS = 16
CACHED_BLENDS = 4  # each holds its texts' keys and values once more


class TextEncoder(Protocol):
    """The part of transformers' T5EncoderModel that is used."""

    def __call__(self, *, input_ids: Tensor, attention_mask: Tensor) -> Any: ...


class Conditioner:
    """T5 and its tokenizer in front of a language model. Used by one thread at a time.

    The encoder stays float32: it runs once a prompt, and T5 overflows in float16.
    """

    def __init__(
        self,
        text_encoder: TextEncoder,
        tokenizer: Any,
        model: LanguageModel,
        keep: int = CACHED_PROMPTS,
        ear: StyleEar | None = None,
    ) -> None:
        """ear: a style model's."""
        self.encoder, self.tokenizer, self._model = text_encoder, tokenizer, model
        self._keep, self._ear = keep, ear
        self._projected: OrderedDict[str, Tensor] = OrderedDict()  # [1,T,H]
        self._keys: dict[str, TextKeys] = {}  # of some of the same prompts
        self._blends: OrderedDict[tuple[str, ...], TextKeys] = OrderedDict()

    @torch.inference_mode()
    def text_states(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """The encoder's states [B,T,text_hidden] and mask [B,T], for training and tests.

        Padding's states are zero. Texts beyond 512 tokens are cut.
        """
        tokens = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=MAX_TEXT_TOKENS,
            return_tensors="pt",
        )
        device = getattr(self.encoder, "device", self._model.device)  # it may be the CPU
        ids, mask = tokens["input_ids"].to(device), tokens["attention_mask"].to(device)
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return states * mask.unsqueeze(2), mask

    @torch.inference_mode()
    def text_keys(self, prompt: Prompt) -> TextKeys | None:
        """Keys and values of one row for every layer; None for an empty prompt.

        An empty prompt is the null condition (AudioCraft), not the encoding of an empty
        text (transformers). Of a blend the keys are kept by its texts: other weights cost
        nothing. The negative prompt is left out: see `negative_keys`.
        """
        match prompt.texts:
            case ():
                return None
            case ((text, _),):
                return self._keys_of(text)
            case several:
                texts = tuple(text for text, _ in several)
                if texts not in self._blends:
                    self._blends[texts] = blended([self._keys_of(text) for text in texts])
                    if len(self._blends) > CACHED_BLENDS:
                        self._blends.popitem(last=False)
                self._blends.move_to_end(texts)
                return weighted(self._blends[texts], [weight for _, weight in several])

    def negative_keys(self, prompt: Prompt) -> TextKeys | None:
        """What replaces guidance's null branch; None: nothing does."""
        return self.text_keys(Prompt(prompt.negative))

    @torch.inference_mode()
    def prefix(self, prompt: Prompt, branches: Sequence[str], frame: int) -> Tensor:
        """What a melody or style model reads before the codes, [rows,P,H]: that, then text.

        branches: the rows, each "told", "style" (it alone, without words) or "null". frame: that
        the codes begin at; the melody is heard from there on, as AudioCraft moves it when it goes
        past its window. A style stays as it is.
        As in transformers' MusicgenMelody, a row without melody has pitch class 0 throughout, and
        one without text zeros, of the longest row's length. As in AudioCraft, one without style has
        zeros too. A blend of texts is the weighted sum of their states, for here is no attention
        to share out.
        """
        texts = {"told": prompt.texts, "style": (), "null": Prompt(prompt.negative).texts}
        text = _stacked([self._mixed(texts[branch]) for branch in branches])
        if self._ear is not None:
            heard = self._style(prompt.style)
            return torch.cat((_stacked([heard * (b != "null") for b in branches]), text), 1)
        melodies = [prompt.melody if branch == "told" else "" for branch in branches]
        count = self._model.config.chroma_frames
        classes = [melody_from(melody, frame, count) for melody in melodies]
        melody = self._model.project_melody(torch.tensor(classes, device=self._model.device))
        return torch.cat((melody, text), 1)

    def _style(self, style: str) -> Tensor:
        """A style's states [1,frames,H]; one zero without a style."""
        if not style or self._ear is None:
            return self._nothing()
        return self._ear.states(style).to(self._model.device, self._model.dtype)

    def _nothing(self) -> Tensor:
        model = self._model
        return torch.zeros(1, 1, model.config.hidden, device=model.device, dtype=model.dtype)

    def _mixed(self, texts: Sequence[tuple[str, float]]) -> Tensor:
        """The weighted sum of the texts' projected states [1,T,H]; one zero without a text."""
        if not texts:
            return self._nothing()
        states = [self._states_of(text) for text, _ in texts]
        longest = max(one.shape[1] for one in states)
        shares = [share for _, share in texts]
        parts = [_padded(x, longest) * w for x, w in zip(states, shares, strict=True)]
        return torch.stack(parts).sum(0)

    def _states_of(self, text: str) -> Tensor:
        """A text's projected states [1,T,H]."""
        if text not in self._projected:
            states, _ = self.text_states([text])
            self._projected[text] = self._model.project_text(
                states.to(self._model.device, self._model.dtype)
            )
            if len(self._projected) > self._keep:
                oldest, _ = self._projected.popitem(last=False)
                self._keys.pop(oldest, None)
        self._projected.move_to_end(text)
        return self._projected[text]

    def _keys_of(self, text: str) -> TextKeys:
        projected = self._states_of(text)
        if text not in self._keys:
            self._keys[text] = self._model.text_keys(projected)
        return self._keys[text]

    def forget_keys(self) -> None:
        """The layers that make keys and values have changed. The text encoder's work is kept."""
        self._keys.clear()
        self._blends.clear()


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    """Rows [1,T,H] → [rows,T,H], zeros at the end of the shorter ones."""
    longest = max(one.shape[1] for one in rows)
    return torch.cat([_padded(one, longest) for one in rows])


def _padded(x: Tensor, places: int) -> Tensor:
    """x [1,T,H] → [1,places,H], zeros at the end."""
    return F.pad(x, (0, 0, 0, places - x.shape[1]))
