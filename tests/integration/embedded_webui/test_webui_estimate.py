"""Estimates of the final latents in the middle of a pass, which previews and interrupted runs show."""

import pytest

pytestmark = pytest.mark.xdist_group("embedded_webui")


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_an_exact_prediction_gives_the_final_latents(prediction_type: str) -> None:
    import torch  # noqa: PLC0415 - see test_webui_tiny_model
    from diffusers import DDIMScheduler  # noqa: PLC0415 - see above

    from embedded_webui.generation.sampling import _estimate  # noqa: PLC0415 - see above

    scheduler = DDIMScheduler(prediction_type=prediction_type)
    latents, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    timestep = torch.tensor(400)
    noised = scheduler.add_noise(latents, noise, timestep)
    exact = noise if prediction_type == "epsilon" else scheduler.get_velocity(latents, noise, timestep[None])
    # Pipelines repeat the latents for the negative prompt.
    tensors = {"latent_model_input": torch.cat([noised, noised]), "noise_pred": exact}
    assert torch.allclose(_estimate(scheduler, timestep, tensors, count=1), latents, atol=1e-4)
