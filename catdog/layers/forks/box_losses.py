"""What MultiBoxLoss adds up: how far offsets and scores are from what is right (Liu and others
2016; weiliu89/caffe, branch ssd)."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.forks.boxes import decode, encode
from catdog.layers.loss import floor
from catdog.layers.softmax_loss import FLT_MIN
from catdog.proto.caffe_pb2 import MultiBoxLossParameter


class BoxBatch(NamedTuple):
    """What the loss is of: offsets (N, P, sets, 4), scores (N, P, classes), priors (P, 4) and
    their variances."""

    offsets: Tensor
    scores: Tensor
    priors: Tensor
    variances: Tensor

    def detached(self) -> "BoxBatch":
        """The same without gradients."""
        return BoxBatch(*(each.detach() for each in self))


class Pairs(NamedTuple):
    """Priors with the true boxes that they answer for, by one set of offsets, a row for each."""

    image: Tensor
    prior: Tensor
    which: Tensor
    label: Tensor
    box: Tensor


class BoxLosses:
    """The losses of pairs and of scores, as the fields of a MultiBoxLoss layer say."""

    def __init__(self, given: MultiBoxLossParameter) -> None:
        self.given = given

    def decoded(
        self, batch: BoxBatch, offsets: Tensor, prior: Tensor | slice = slice(None)
    ) -> Tensor:
        given = self.given
        variances = None if given.encode_variance_in_target else batch.variances[prior]
        return decode(given.code_type, batch.priors[prior], variances, offsets)

    def misplaced(self, batch: BoxBatch, pairs: Pairs) -> Tensor:
        """The localisation losses (pairs, 4)."""
        given = self.given
        offsets = batch.offsets[pairs.image, pairs.prior, pairs.which]
        priors, variances = batch.priors[pairs.prior], batch.variances[pairs.prior]
        inside = given.encode_variance_in_target
        wanted = encode(given.code_type, priors, None if inside else variances, pairs.box)
        if given.bp_inside:
            placed = priors
            if not given.use_prior_for_matching:
                placed = self.decoded(batch, offsets.detach(), pairs.prior)
            offsets = wanted.where((placed < 0) | (placed > 1), offsets)
        if inside:
            offsets = offsets + (offsets / variances - offsets).detach()
            wanted = wanted / variances
        if given.loc_loss_type == MultiBoxLossParameter.L2:
            return (offsets - wanted).square() / 2
        return F.smooth_l1_loss(offsets, wanted, reduction="none")

    def of_all(self, scores: Tensor, pairs: Pairs) -> Tensor:
        """The confidence losses of all priors."""
        given = self.given
        if given.conf_loss_type == MultiBoxLossParameter.LOGISTIC:
            targets = torch.zeros_like(scores)
            targets[pairs.image, pairs.prior, pairs.label] = 1
            return F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        labels = torch.full(scores.shape[:2], given.background_label_id, device=scores.device)
        for label in torch.unique(pairs.label).tolist():
            # of several matches that of the last class counts
            of_label = pairs.label == label
            labels[pairs.image[of_label], pairs.prior[of_label]] = label
        return self.of_scores(scores.flatten(0, 1), labels.flatten())

    def of_scores(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The confidence loss of each of scores (M, classes) with labels (M)."""
        if self.given.conf_loss_type == MultiBoxLossParameter.SOFTMAX:
            logs = F.log_softmax(scores, 1).gather(1, labels.unsqueeze(1)).squeeze(1)
            return -floor(logs, math.log(FLT_MIN))
        targets = F.one_hot(labels, scores.shape[1]).to(scores.dtype)
        return F.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(1)
