"""Words of someone else are one short line before they reach a row or a log."""

import io
import logging
from dataclasses import replace

import pytest

from nightshift import logs
from nightshift.errors import MAX_CHARACTERS, PermanentError, TemporaryError, one_line
from nightshift.settings import settings

FORGED = 'Sheet M"\n12:00:00 ERROR job\u2028outcome=done\x1b[2J\0' + "x" * 1_000_000


@pytest.mark.parametrize("kind", [PermanentError, TemporaryError])
def test_a_sentence_is_short_and_one_line_whatever_it_quotes(kind: type[PermanentError] | type[TemporaryError]) -> None:
    sentence = str(kind(FORGED))
    assert sentence.startswith('Sheet M" 12:00:00 ERROR job outcome=done [2J x') and sentence.endswith("x…")
    assert len(sentence) == MAX_CHARACTERS and sentence.isprintable()


def test_a_usual_sentence_stays_as_it_is() -> None:
    assert one_line("Größe: 3 × 4 cm – naïve 漢字 👩‍👩‍👧.") == "Größe: 3 × 4 cm – naïve 漢字 👩‍👩‍👧."


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_field_of_a_log_line_is_short_and_one_line(log_format: str) -> None:
    logs.configure(replace(settings(), log_format=log_format))
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written := io.StringIO())
    logs.log("row failed", reason=FORGED)
    assert len(written.getvalue().splitlines()) == 1 and len(written.getvalue()) < 2 * MAX_CHARACTERS
