from embedded_webui.generation.run import choose_seeds
from embedded_webui.requests import TextToImageRequest


def first(limit: int) -> int:
    assert limit > 2**31
    return 100


def test_seeds_count_up() -> None:
    chosen = choose_seeds(TextToImageRequest(seed=5, subseed=9), count=3)
    assert (chosen.seeds, chosen.subseeds) == ([5, 6, 7], [9, 10, 11])


def test_only_the_subseed_varies_where_it_counts() -> None:
    chosen = choose_seeds(TextToImageRequest(seed=5, subseed=9, subseed_strength=0.5), count=3)
    assert (chosen.seeds, chosen.subseeds) == ([5, 5, 5], [9, 10, 11])


def test_minus_one_and_null_are_drawn() -> None:
    chosen = choose_seeds(TextToImageRequest(seed=-1, subseed=None), count=2, draw=first)
    assert (chosen.seeds, chosen.subseeds) == ([100, 101], [100, 101])


def test_batches_share_them_out() -> None:
    chosen = choose_seeds(TextToImageRequest(seed=0, subseed=0), count=6)
    assert [chosen.from_first(2 * number, count=2).seeds for number in range(3)] == [[0, 1], [2, 3], [4, 5]]
