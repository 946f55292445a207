"""What travels between processes."""

from uuid import UUID

import pytest

from agents_app.live.news import Changed, Delta, Look, decode, encode
from agents_app.live.publisher import PIECE_CHARACTERS

RUN = UUID("00000000-0000-4000-8000-000000000000")


def test_a_change_is_run_and_version() -> None:
    news = Changed(run_id=RUN, version=7)
    assert encode(news) == f"{RUN}:7"
    assert decode(encode(news)) == news


def test_a_piece_of_text_comes_back_as_it_was() -> None:
    news = Delta(run_id=RUN, step=3, attempt=2, index=40, text='a: {"ü"}\n\x01')
    assert decode(encode(news)) == news


@pytest.mark.parametrize("char", ["x", "ü", "€", "🙂", "\x01", '"'])
def test_a_whole_piece_fits_into_a_notification_of_postgresql(char: str) -> None:
    news = Delta(run_id=RUN, step=99999, attempt=99, index=1_000_000, text=char * PIECE_CHARACTERS)
    assert len(encode(news).encode()) < 8000


@pytest.mark.parametrize("text", ["", "x", "x:1", f"{RUN}:x", "{", "{}", '{"run_id": 1}', f'{{"run_id": "{RUN}"}}'])
def test_what_another_release_says_means_look(text: str) -> None:
    assert decode(text) == Look()
