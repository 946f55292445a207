"""How long to wait before something that failed is tried again."""

MOST_DOUBLINGS = 10


def doubled(first: float, times: int, most: float) -> float:
    """Seconds: `first`, doubled so many times (none if negative, ten at most), and never more than `most`."""
    return min(first * 2.0 ** min(max(times, 0), MOST_DOUBLINGS), most)
