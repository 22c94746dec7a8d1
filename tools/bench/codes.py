"""Manuals whose sections differ by little but their error codes, in ten languages, and tables of such codes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SECTIONS = 200
HEADING = "## {code}: {cause}\n\n"

# Language: the section's text, the question, the causes.
TEMPLATES = {
    "en": (
        "The appliance stops and the display shows {code}. The cause is: {cause}. Switch it off, check the wires and start a "
        "short programme. If {code} comes back within a day, call the service and have the serial number ready. The warranty "
        "covers this part for two years from the date of purchase. Do not use the appliance until the fault has been cleared. "
        "Spare parts are sold for ten years.",
        "What does error {code} mean?",
        "worn pump|broken door lock|blocked filter|leak below the tank|faulty sensor|torn belt",
    ),
    "pl": (
        "Urządzenie zatrzymuje się i na wyświetlaczu pojawia się kod {code}. Przyczyną jest {cause}. Wyłącz "
        "urządzenie, sprawdź przewody i uruchom krótki program. Jeśli kod {code} wróci w ciągu jednego dnia, zadzwoń "
        "do serwisu i przygotuj numer seryjny. Gwarancja obejmuje tę część przez dwa lata od daty zakupu. Nie używaj "
        "urządzenia, dopóki usterka nie zostanie usunięta. Części zamienne są dostępne w sklepie przez dziesięć lat.",
        "Co oznacza błąd {code}?",
        "zużyta pompa|uszkodzony zamek drzwi|zatkany filtr|wyciek pod zbiornikiem|awaria czujnika|zerwany pasek",
    ),
    "cs": (
        "Spotřebič se zastaví a na displeji se objeví kód {code}. Příčinou je {cause}. Vypněte spotřebič, "
        "zkontrolujte vodiče a spusťte krátký program. Pokud se kód {code} vrátí do jednoho dne, zavolejte servis a "
        "připravte si výrobní číslo. Záruka platí na tento díl dva roky od data nákupu. Nepoužívejte spotřebič, "
        "dokud není závada odstraněna. Náhradní díly jsou v obchodě k dispozici deset let po ukončení výroby.",
        "Co znamená chyba {code}?",
        "opotřebené čerpadlo|vadný zámek dveří|ucpaný filtr|únik pod nádrží|porucha čidla|přetržený řemen",
    ),
    "uk": (
        "Прилад зупиняється, а на дисплеї з'являється код {code}. Причина: {cause}. Вимкніть прилад, перевірте дроти "
        "й запустіть коротку програму. Якщо код {code} з'явиться знову протягом доби, зателефонуйте до сервісу й "
        "підготуйте серійний номер. Гарантія на цю деталь діє два роки від дати купівлі. Не користуйтеся приладом, "
        "доки несправність не усунено. Запасні частини продаються в магазині протягом десяти років.",
        "Що означає помилка {code}?",
        "зношений насос|пошкоджений замок дверцят|забитий фільтр|протікання під баком|відмова датчика|розірваний пас",
    ),
    "vi": (
        "Máy dừng lại và màn hình hiện mã {code}. Nguyên nhân là {cause}. Hãy tắt máy, kiểm tra dây điện rồi chạy "
        "một chương trình ngắn. Nếu mã {code} xuất hiện lại trong vòng một ngày, hãy gọi dịch vụ và chuẩn bị số "
        "sê-ri. Bảo hành cho bộ phận này là hai năm kể từ ngày mua. Không sử dụng máy cho đến khi lỗi được khắc "
        "phục. Phụ tùng thay thế có bán tại cửa hàng trong mười năm.",
        "Lỗi {code} nghĩa là gì?",
        "bơm bị mòn|khóa cửa bị hỏng|bộ lọc bị tắc|rò nước dưới bình|cảm biến bị lỗi|dây đai bị đứt",
    ),
    "zh": (
        "机器停止运转，显示屏上出现代码{code}。原因是{cause}。请关闭电源，检查导线，然"
        "后运行一个短程序。如果代码{code}在一天内再次出现，请致电客服并准备好序列号。该部件自"
        "购买之日起保修两年。在故障排除之前请勿使用机器。停产后十年内商店仍供应备件。",
        "错误{code}是什么意思？",
        "水泵磨损|门锁损坏|过滤器堵塞|水箱下方漏水|传感器故障|皮带断裂",
    ),
    "ja": (
        "本体が停止し、表示部にコード{code}が出ます。原因は{cause}です。電源を切り、配"
        "線を確認してから短いプログラムを運転してください。コード{code}が一日以内に再び出る場"
        "合は、製造番号をご用意のうえサービス窓口へお電話ください。この部品の保証期間は購入日から二"
        "年間です。故障が直るまで使用しないでください。交換部品は生産終了後十年間販売します。",
        "エラー{code}の意味は何ですか？",
        "ポンプの摩耗|ドアロックの破損|フィルターの詰まり|タンク下の水漏れ|センサーの異常|ベルトの切れ",
    ),
    "ko": (
        "기기가 멈추고 화면에 코드 {code}가 나타납니다. 원인은 {cause}입니다."
        " 전원을 끄고 배선을 확인한 다음 짧은 프로그램을 실행하십시오. 코드 {code}"
        "이 하루 안에 다시 나타나면 일련번호를 준비하고 서비스 센터에 전화하십시오. 이 "
        "부품의 보증 기간은 구입일로부터 2년입니다. 고장이 해결될 때까지 기기를 사용하지"
        " 마십시오. 교체 부품은 단종 후 십 년 동안 판매합니다.",
        "오류 {code}는 무슨 뜻입니까?",
        "펌프 마모|문 잠금 장치 파손|필터 막힘|물통 아래 누수|센서 고장|벨트 끊어짐",
    ),
    "he": (
        "המכשיר נעצר ועל הצג מופיע הקוד {code}. הסיבה היא {cause}. כבו את המכשיר, בדקו את החוטים והפעילו תוכנית "
        "קצרה. אם הקוד {code} חוזר בתוך יום, התקשרו לשירות והכינו את המספר הסידורי. האחריות על חלק זה היא שנתיים "
        "מיום הקנייה. אין להשתמש במכשיר עד לתיקון התקלה. חלקי חילוף נמכרים בחנות במשך עשר שנים לאחר סיום הייצור.",
        "מה פירוש שגיאה {code}?",
        "משאבה שחוקה|מנעול דלת פגום|מסנן סתום|דליפה מתחת למיכל|תקלה בחיישן|רצועה קרועה",
    ),
    "th": (
        "เครื่องหยุดทำงานและหน้าจอแสดงรหัส{code} สาเหต"
        "ุคือ{cause} ปิดเครื่อง ตรวจสายไฟ แล้วเปิดโปรแ"
        "กรมสั้น หากรหัส{code}กลับมาภายในหนึ่งวัน ให้โ"
        "ทรหาศูนย์บริการและเตรียมหมายเลขเครื่อง ชิ้นส่"
        "วนนี้รับประกันสองปีนับจากวันที่ซื้อ ห้ามใช้เค"
        "รื่องจนกว่าจะซ่อมเสร็จ อะไหล่มีจำหน่ายในร้านเ"
        "ป็นเวลาสิบปีหลังเลิกผลิต",
        "ข้อผิดพลาด{code}หมายความว่าอะไร",
        "ปั๊มสึก|กลอนประตูเสีย|ตัวกรองตัน|น้ำรั่วใต้ถัง|เซนเซอร์เสีย|สายพานขาด",
    ),
}


@dataclass(frozen=True)
class Codes:
    """A document, by the kind of its bytes, with the codes in it and the questions to ask for each."""

    kind: str
    text: str
    codes: list[str]
    questions: tuple[str, ...]


def documents() -> Iterator[Codes]:
    chooser = random.Random(14)
    for text, question, causes in TEMPLATES.values():
        codes = [f"{chooser.choice('EF')}-{number}" for number in chooser.sample(range(4000, 5000), SECTIONS)]
        filled = [(HEADING + text).format(code=code, cause=chooser.choice(causes.split("|"))) for code in codes]
        yield Codes("markdown", "\n\n".join(filled), codes, (question, "{code}"))
    rows = [(f"ART-{number:04}", f"Spare part {number} of the series", str(number % 7)) for number in range(1, 401)]
    articles = [article for article, _, _ in rows]
    asked = ("What is the stock of {code}?", "{code}")
    yield Codes("csv", "\n".join(map(";".join, [("Article", "Description", "Stock"), *rows])), articles, asked)
    lines = [("Article", "Description", "Stock"), ("---", "---", "---"), *rows]
    yield Codes("markdown", "\n".join("| " + " | ".join(line) + " |" for line in lines), articles, asked)
