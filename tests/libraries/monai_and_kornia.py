"""Losses of MONAI and kornia, called as their documentation says."""

import kornia.losses as kornia
import monai.losses as monai
import torch

rng = torch.Generator().manual_seed(2)


def randn(*shape):
    return torch.randn(shape, generator=rng)


def rand(*shape):
    return torch.rand(shape, generator=rng)


def labels(*shape, upto=3):
    return torch.randint(upto, shape, generator=rng)


IMAGE = randn(2, 3, 8, 8), labels(2, 1, 8, 8)
MASK = randn(2, 1, 8, 8), labels(2, 1, 8, 8, upto=2).float()
PIXELS = randn(2, 3, 8, 8), labels(2, 8, 8)
VOLUME = rand(2, 1, 10, 10, 10), rand(2, 1, 10, 10, 10)
COST = torch.tensor([[0.0, 1, 1], [1, 0, 0.5], [1, 0.5, 0]])
SOFT = {"to_onehot_y": True, "softmax": True}


def boxes():
    corner = rand(6, 2)
    return torch.cat([corner, corner + 0.2 + rand(6, 2)], 1)


CASES = {
    "monai DiceLoss": (monai.DiceLoss(**SOFT), *IMAGE),
    "monai DiceLoss sigmoid": (monai.DiceLoss(sigmoid=True), *MASK),
    "monai DiceCELoss": (monai.DiceCELoss(**SOFT), *IMAGE),
    "monai DiceFocalLoss": (monai.DiceFocalLoss(**SOFT), *IMAGE),
    "monai GeneralizedDiceLoss": (monai.GeneralizedDiceLoss(**SOFT), *IMAGE),
    "monai GeneralizedDiceFocalLoss": (
        monai.GeneralizedDiceFocalLoss(**SOFT),
        *IMAGE,
    ),
    "monai GeneralizedWassersteinDiceLoss": (
        monai.GeneralizedWassersteinDiceLoss(COST.numpy()),
        *IMAGE,
    ),
    "monai FocalLoss": (monai.FocalLoss(to_onehot_y=True), *IMAGE),
    "monai TverskyLoss": (monai.TverskyLoss(**SOFT), *IMAGE),
    "monai HausdorffDTLoss": (monai.HausdorffDTLoss(sigmoid=True), *MASK),
    "monai LogHausdorffDTLoss": (monai.LogHausdorffDTLoss(sigmoid=True), *MASK),
    "monai NACLLoss": (monai.NACLLoss(classes=3, dim=2, kernel_size=3), *PIXELS),
    "monai ContrastiveLoss": (monai.ContrastiveLoss(), randn(8, 6), randn(8, 6)),
    "monai BarlowTwinsLoss": (monai.BarlowTwinsLoss(), randn(8, 6), randn(8, 6)),
    "monai SSIMLoss": (
        monai.SSIMLoss(spatial_dims=2, win_size=5),
        rand(2, 1, 10, 10),
        rand(2, 1, 10, 10),
    ),
    "monai LocalNormalizedCrossCorrelationLoss": (
        monai.LocalNormalizedCrossCorrelationLoss(),
        *VOLUME,
    ),
    "monai GlobalMutualInformationLoss": (
        monai.GlobalMutualInformationLoss(num_bins=8),
        rand(2, 1, 8, 8),
        rand(2, 1, 8, 8),
    ),
    "monai BendingEnergyLoss": (monai.BendingEnergyLoss(), randn(2, 2, 8, 8), None),
    "monai BoxGIoULoss": (monai.BoxGIoULoss(), boxes(), boxes()),
    "monai PatchAdversarialLoss": (
        lambda p: monai.PatchAdversarialLoss()(p, True, for_discriminator=True),
        randn(2, 1, 6, 6),
        None,
    ),
    "monai JukeboxLoss": (
        monai.JukeboxLoss(spatial_dims=2),
        randn(2, 1, 8, 8),
        randn(2, 1, 8, 8),
    ),
    "kornia focal_loss": (
        lambda p, t: kornia.focal_loss(p, t, alpha=0.5, reduction="mean"),
        *PIXELS,
    ),
    "kornia binary_focal_loss_with_logits": (
        lambda p, t: kornia.binary_focal_loss_with_logits(p, t, reduction="mean"),
        *MASK,
    ),
    "kornia dice_loss": (kornia.dice_loss, *PIXELS),
    "kornia tversky_loss": (
        lambda p, t: kornia.tversky_loss(p, t, alpha=0.3, beta=0.7),
        *PIXELS,
    ),
    "kornia lovasz_hinge_loss": (
        kornia.lovasz_hinge_loss,
        randn(2, 1, 8, 8),
        labels(2, 8, 8, upto=2),
    ),
    "kornia lovasz_softmax_loss": (kornia.lovasz_softmax_loss, *PIXELS),
    "kornia charbonnier_loss": (
        lambda p, t: kornia.charbonnier_loss(p, t, reduction="mean"),
        randn(2, 3, 8),
        randn(2, 3, 8),
    ),
    "kornia cauchy_loss": (
        lambda p, t: kornia.cauchy_loss(p, t, reduction="mean"),
        randn(2, 3, 8),
        randn(2, 3, 8),
    ),
    "kornia welsch_loss": (
        lambda p, t: kornia.welsch_loss(p, t, reduction="mean"),
        randn(2, 3, 8),
        randn(2, 3, 8),
    ),
    "kornia geman_mcclure_loss": (
        lambda p, t: kornia.geman_mcclure_loss(p, t, reduction="mean"),
        randn(2, 3, 8),
        randn(2, 3, 8),
    ),
    "kornia ssim_loss": (
        lambda p, t: kornia.ssim_loss(p, t, 5),
        rand(2, 1, 10, 10),
        rand(2, 1, 10, 10),
    ),
    "kornia psnr_loss": (
        lambda p, t: kornia.psnr_loss(p, t, 1.0),
        rand(2, 1, 8, 8),
        rand(2, 1, 8, 8),
    ),
    "kornia inverse_depth_smoothness_loss": (
        kornia.inverse_depth_smoothness_loss,
        rand(2, 1, 8, 8),
        rand(2, 3, 8, 8),
    ),
    "kornia kl_div_loss_2d": (
        kornia.kl_div_loss_2d,
        randn(2, 1, 36).softmax(2).view(2, 1, 6, 6),
        randn(2, 1, 36).softmax(2).view(2, 1, 6, 6),
    ),
    "kornia js_div_loss_2d": (
        kornia.js_div_loss_2d,
        randn(2, 1, 36).softmax(2).view(2, 1, 6, 6),
        randn(2, 1, 36).softmax(2).view(2, 1, 6, 6),
    ),
}
