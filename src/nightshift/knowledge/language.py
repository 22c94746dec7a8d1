"""The language of a document, as Postgres names it."""

from functools import cache
from typing import Any

SAMPLE_CHARACTERS = 10_000
# A probability. Below it "Buenos dias" is Extremaduran (.30), "hello world" thrice Fula (.24), and code Pidgin (.14).
UNSURE = 0.35
DEFAULT = "english"

# Every text-search configuration of Postgres 18 but `simple`, by the codes the model gives (it knows no Yiddish yet).
CONFIGURATIONS = {
    "ar": "arabic",
    "ary": "arabic",  # Moroccan
    "arz": "arabic",  # Egyptian
    "hy": "armenian",
    "eu": "basque",
    "ca": "catalan",
    "da": "danish",
    "nl": "dutch",
    "en": "english",
    "pcm": "english",  # Nigerian Pidgin: English words
    "et": "estonian",
    "fi": "finnish",
    "fr": "french",
    "de": "german",
    "el": "greek",
    "hi": "hindi",
    "hu": "hungarian",
    "id": "indonesian",
    "ga": "irish",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "no": "norwegian",
    "nn": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "es": "spanish",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
    "zxx": DEFAULT,  # not a language: numbers, part names, code. Words are still worth finding.
}


def language_of(text: str) -> str | None:
    """The text-search configuration for `text`, None where Postgres has none (Chinese, Polish): vectors only there.

    Looks at the first 10,000 characters. Where the model is unsure (a few words, code), A to Z are English.
    """
    sample = text[:SAMPLE_CHARACTERS]
    code, probability = _model().classify(sample)
    if probability < UNSURE and "".join(filter(str.isalpha, sample)).isascii():
        return DEFAULT
    return CONFIGURATIONS.get(code)


def warm() -> None:
    """Loads the model (0.7 s). Call it before forking: the children share it."""
    _model()


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # numpy and 4.6 MB of weights

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
