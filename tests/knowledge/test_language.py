import pytest
import Stemmer

from nightshift.knowledge import language
from nightshift.knowledge.language import STEMMERS, language_of


@pytest.mark.parametrize(
    ("text", "stemmer"),
    [
        ("How do I reset my password?", "english"),
        ("Can I return my item?", "english"),
        ("The warranty covers parts, not labor.", "english"),
        ("Die Rückgabe ist innerhalb von 14 Tagen möglich.", "german"),
        ("Comment changer mon mot de passe ?", "french"),
        ("¿Cómo puedo cambiar la contraseña de mi cuenta?", "spanish"),
        ("Как сбросить пароль от личного кабинета?", "russian"),
        ("كيف أعيد تعيين كلمة المرور", "arabic"),
        ("Hoe kan ik mijn wachtwoord wijzigen?", "dutch"),
        ("Como posso alterar a minha palavra-passe?", "portuguese"),
        ("Pakken kommer innen tre dager. Du får en e-post når den er sendt.", "norwegian"),
        ("Parolamı nasıl sıfırlarım?", "turkish"),
        ("Conas is féidir liom mo phasfhocal a athrú?", "irish"),
        ("म आफ्नो पासवर्ड कसरी रिसेट गर्न सक्छु?", "nepali"),
        ("मैं अपना पासवर्ड कैसे रीसेट करूं?", "hindi"),
        ("Bagaimana cara mengatur ulang kata sandi saya?", "indonesian"),
        ("退款政策是什么", "simple"),
        ("パスワードをリセットする方法", "simple"),
        ("비밀번호를 어떻게 재설정하나요", "simple"),
        ("ฉันจะรีเซ็ตรหัสผ่านได้อย่างไร", "simple"),
        ("Jak mogę zresetować hasło do mojego konta?", "polish"),
        ("Jak mohu obnovit heslo ke svému účtu?", "czech"),
        ("Làm thế nào để đặt lại mật khẩu?", "simple"),
        ("", "english"),
        ("12345 67.89 %", "english"),
        ("Ja, gern", "english"),
        ("Buenos dias", "english"),
        ("AX-100 BX-200 " * 40, "english"),
        ("hello world hello world hello", "english"),
    ],
)
def test_the_language_is_named_as_its_stemmer_is(text: str, stemmer: str) -> None:
    assert language_of(text) == stemmer


def test_only_the_beginning_counts() -> None:
    assert language_of("The parcel arrives within three days. " * 300 + "Отправим посылку завтра. " * 3000) == "english"


def test_every_stemmer_has_its_language() -> None:
    without = {
        "porter",
        "dutch_porter",
        "esperanto",
        "sesotho",
    }  # others of a language, and those the models do not tell
    assert set(STEMMERS.values()) == set(Stemmer.algorithms()) - without


def test_every_language_is_one_the_model_knows() -> None:
    labels, _ = language._fasttext().predict("all of them", k=1000, threshold=-1.0)
    assert {f"__label__{code}" for code in STEMMERS} <= set(labels)
