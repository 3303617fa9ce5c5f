"""Documents that are bombs, traps or broken: each is skipped with its reason, and soon."""

import io
import time
import zipfile
import zlib

import pytest

from agentrt.rag.load import Unreadable, load

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_MAIN}"/></Types>'
)
_RELATIONS = (
    f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r" Type="{_OFFICE}" Target="word/document.xml"/></Relationships>'
)


def docx(text: str, *, head: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        body = f'<w:document xmlns:w="{_WORD}"><w:body>{text}</w:body></w:document>'
        archive.writestr("word/document.xml", head + body)
    return packed.getvalue()


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def pdf(contents: bytes, more: bytes = b"") -> bytes:
    packed = zlib.compress(contents, 9)
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n"
        b"4 0 obj<</Filter/FlateDecode/Length " + str(len(packed)).encode() + b">>stream\n"
        + packed + b"\nendstream endobj\n" + more + b"trailer<</Root 1 0 R>>\n%%EOF"
    )  # fmt: skip


_LAUGHS = "<!DOCTYPE l [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]>"  # fmt: skip

DOCUMENTS = {
    "a packed bomb.docx": lambda: docx(paragraph("x" * 205_000_000)),
    "a billion laughs.docx": lambda: docx(paragraph("&j;"), head=_LAUGHS),
    "nested.docx": lambda: docx("<w:p>" * 20_000 + "</w:p>" * 20_000),
    "no zip.docx": lambda: b"PK\x03\x04nope",
    "empty.docx": lambda: b"",
    "broken.pdf": lambda: b"%PDF-1.7\n1 0 obj\n<<>>",
    "pages that hold themselves.pdf": lambda: (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    ),
    "a packed bomb.pdf": lambda: pdf(b" " * 100_000_000),
    "nested.json": lambda: b"[" * 100_000 + b"]" * 100_000,
    "a number.json": lambda: b"9" * 5000,
    "nested.html": lambda: b"<div>" * 100_000,
    "wide.csv": lambda: b'"' + b"x" * 200_000 + b'"\n',
    "binary.txt": lambda: bytes(100),
    "binary.md": lambda: bytes(range(256)) * 10,
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.filterwarnings("ignore")
def test_a_hostile_document_is_skipped_with_its_reason(name: str) -> None:
    content = DOCUMENTS[name]()
    started = time.perf_counter()
    with pytest.raises(Unreadable) as skipped:
        load(name, content)
    assert str(skipped.value)
    assert time.perf_counter() - started < 30


def test_an_entity_that_names_a_file_stays_empty() -> None:
    head = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    text = load("entity.docx", docx(paragraph("begin &x; end"), head=head)).text
    assert "root:" not in text
