"""What LibreOffice makes of a CSV: which cells are formulas, numbers and texts."""
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def there():
    return shutil.which("soffice") is not None


def opened(name, text, folder):
    """The cells of a CSV as LibreOffice Calc keeps them: (row, column) -> (kind, value); kinds are formula, number, text."""
    with tempfile.TemporaryDirectory(prefix="calc-", dir=folder) as place:
        path = os.path.join(place, name + ".csv")
        with open(path, "w", encoding="utf-8", newline="", errors="surrogatepass") as file:
            file.write(text)
        # 44: comma, 34: quotes, 76: UTF-8, from the first line on; what is quoted is not taken for text, formulas are evaluated: as unkind as it gets.
        subprocess.run(["soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{place}/profile", "--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1,true",
                        "--convert-to", "xlsx", "--outdir", place, path], check=True, capture_output=True, timeout=240)
        made = next(os.path.join(place, n) for n in os.listdir(place) if n.endswith(".xlsx"))
        with zipfile.ZipFile(made) as book:
            shared = ["".join(t.text or "" for t in item.iter(MAIN + "t")) for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))] if "xl/sharedStrings.xml" in book.namelist() else []
            sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    cells = {}
    for cell in sheet.iter(MAIN + "c"):
        letters, row = re.match(r"([A-Z]+)(\d+)", cell.get("r")).groups()
        column = 0
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        value, formula = cell.find(MAIN + "v"), cell.find(MAIN + "f")
        if formula is not None:
            cells[int(row), column] = ("formula", formula.text)
        elif value is not None:
            cells[int(row), column] = ("text", shared[int(value.text)]) if cell.get("t") == "s" else ("text", value.text) if cell.get("t") == "str" else ("number", value.text)
    return cells
