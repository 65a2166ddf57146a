"""How far a map is from adding up to the difference that it should explain."""

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.attribution.score_model import ScoreModel
from workbench.passes.single_pass import Seen


def completeness_error(score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]) -> Float[Tensor, " n"]:
    """Return sum of the map - (score of the film - score of a black film), in units of the score."""
    black = score_model.black.to(seen.images).expand(1, *seen.images.shape[1:])
    with torch.inference_mode():
        logits = score_model.classifier.module(black).expand(len(maps), -1)
        difference = seen.scores - score_model.chosen.scores(logits)
    return maps.sum(dim=(1, 2)).to(difference) - difference
