"""First steps of a large picture at half the size.

The tests import torch when they run, because every process of a parallel run imports this file to collect its tests.
"""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.xdist_group("embedded_webui")

#: Value of every latent of the picture that the U-Net below always sees behind the noise.
PICTURE = 0.3


class PerfectUnet:
    """Predicts the velocity of a plain picture exactly, for the noise level of the step."""

    def __init__(self, signals: "Tensor") -> None:
        self.signals = signals
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, sample: "Tensor", timestep: Any, captions: str, *, return_dict: bool) -> "tuple[Tensor]":
        """Return the velocity."""
        assert captions == "captions"
        assert not return_dict
        self.shapes.append(tuple(sample.shape[-2:]))
        share = float(self.signals[round(float(timestep))])
        return ((sample * share**0.5 - PICTURE) / (1 - share) ** 0.5,)


@pytest.mark.parametrize(
    ("size", "step", "seen"),
    [
        ((64, 96), 900, (32, 48)),
        ((65, 49), 500, (33, 25)),
        ((64, 64), 100, (64, 64)),
        ((32, 96), 900, (32, 96)),
    ],
)
def test_the_velocity_leads_to_the_picture_at_every_size(
    size: tuple[int, int], step: int, seen: tuple[int, int]
) -> None:
    import torch  # noqa: PLC0415 - see above

    from embedded_webui.models.coarse_steps import CoarseSteps  # noqa: PLC0415 - see above
    from embedded_webui.training.pictures import NoiseSchedule  # noqa: PLC0415 - see above

    signals = NoiseSchedule().signal.square()
    unet = PerfectUnet(signals)
    signal, noise = float(signals[step]) ** 0.5, float(1 - signals[step]) ** 0.5
    sample = PICTURE * signal + torch.randn(1, 4, *size, generator=torch.Generator().manual_seed(1)) * noise
    (velocity,) = CoarseSteps(unet, signals).forward(sample, torch.tensor(step), "captions", return_dict=True)
    assert unet.shapes == [seen]
    picture = sample * signal - velocity * noise
    assert torch.allclose(picture, torch.full_like(picture, PICTURE), atol=0.03)
