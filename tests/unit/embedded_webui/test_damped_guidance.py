"""Damped guidance of the tiny model.

The tests import torch when they run, because every process of a parallel run imports this file to collect its tests.
"""

import pytest

pytestmark = pytest.mark.xdist_group("embedded_webui")


@pytest.mark.parametrize(("step", "guided"), [(900, 7.0), (700, 5), (321, 5), (320, 2), (0, 2)])
def test_guidance_is_weaker_once_the_layout_is_decided(step: float, guided: float) -> None:
    import torch  # noqa: PLC0415 - see above

    from embedded_webui.models.damped_guidance import damp_guidance  # noqa: PLC0415 - see above

    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    answers = torch.cat([torch.zeros(2, 4, 8, 8), torch.ones(2, 4, 8, 8)])
    negative, positive = damp_guidance(torch.cat([latents, latents]), answers, step).chunk(2)
    result = negative + 7 * (positive - negative)
    assert torch.allclose(result, torch.full_like(result, guided))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_answers_without_guidance_stay_as_they_are(count: int) -> None:
    import torch  # noqa: PLC0415 - see above

    from embedded_webui.models.damped_guidance import damp_guidance  # noqa: PLC0415 - see above

    latents = torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    answers = torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    assert damp_guidance(latents, answers, 100) is answers
