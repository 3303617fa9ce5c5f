"""Which files make a corpus, and what is read of each kind."""

import io
import zipfile
from pathlib import Path

import pytest
from dulwich import porcelain

from agentrt.errors import RetrievalError
from agentrt.rag.corpus import corpus_at
from agentrt.rag.load import Unreadable, load

DOCX = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/'
    '2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
    "word/document.xml": '<w:document xmlns:w="http://schemas.openxmlformats.org/'
    'wordprocessingml/2006/main"><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r>'
    "<w:t>Tides</w:t></w:r></w:p><w:p><w:r><w:t>The moon pulls.</w:t></w:r></w:p></w:body>"
    "</w:document>",
}


def docx(**more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**DOCX, **more}.items():
            archive.writestr(name, text)
    return made.getvalue()


def test_a_page_is_read_with_the_anchors_that_open_it() -> None:
    page = load(
        "p.html",
        b"<script>alert()</script><nav>menu</nav><h1>Title</h1>"
        b"<section id='use'><h2>Use</h2><p>shown <a href='x'>link</a></p></section>"
        b"<dl><dt id='run'>run()</dt><dd>Runs.</dd></dl>",
    )
    assert " ".join(page.text.split()) == "# Title ## Use shown link ###### run() Runs."
    assert page.places.at(page.text.index("shown")) == "#use"
    assert page.places.at(page.text.index("Runs.")) == "#run"
    assert page.places.at(0) == ""


def test_a_word_document_keeps_its_headings() -> None:
    assert load("d.docx", docx()).text.strip() == "# Tides\n\nThe moon pulls."


def test_a_pdf_opens_at_its_pages(tmp_path: Path) -> None:
    pages = [b"BT /F 12 Tf 20 50 Td (page %d) Tj ET" % n for n in (1, 2)]
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>",
        *(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents %d 0 R/Resources<</Font<</F "
          b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>" % n for n in (5, 6)),
        *(b"<</Length %d>>stream\n%s\nendstream" % (len(p), p) for p in pages),
    ]  # fmt: skip
    body, offsets = b"%PDF-1.4\n", []
    for n, each in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj%s\nendobj\n" % (n, each)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, at = len(objects) + 1, len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    body += b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (size, at)
    read = load("a.pdf", body)
    assert read.places.at(read.text.index("page 2")) == "#page=2"


def test_tables_and_records_keep_the_names_of_their_values_and_their_lines() -> None:
    table = load("a.csv", b"city,river\nAlbany,Hudson\nParis,Seine\n")
    assert table.text == "city: Albany\nriver: Hudson\n\ncity: Paris\nriver: Seine"
    assert table.places.at(table.text.index("Seine")) == ":3"
    records = load("a.jsonl", b'{"n": 1}\n\n{"n": 2}\n')
    assert records.places.at(records.text.index('"n": 2')) == ":3"
    assert '"opened": 1825' in load("a.json", b'{"canal": {"opened": 1825}}').text
    listed = load("a.json", b'["first", "second"]')
    assert listed.places.at(listed.text.index("second")) == "[1]"


def test_text_in_an_older_encoding_is_read() -> None:
    text = "Größe und Übung ändern nichts daran, daß die Bären müde schlafen. " * 5
    assert load("a.txt", text.encode("latin-1")).text == text
    assert load("a.txt", text.encode("utf-16")).text == text


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"\x7fELF\0\0\1", "binary"),
        ("a.md", b" \n", "no text"),
        ("a.pdf", b"not a pdf", "broken"),
        ("a.json", b"{", "broken"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.docx", b"PK", "broken"),
        ("a.docx", docx(bomb="0" * 210_000_000), "unpacks to more than 200 MB"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        load(name, content)


def test_links_that_lead_out_are_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (inside / "link.txt").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "kept.txt").write_text("kept")
    (inside / "same.txt").symlink_to(inside / "kept.txt")
    scan = corpus_at(inside).scan()
    assert [file.source for file in scan.files] == ["kept.txt", "same.txt"]
    assert [(s.source, s.reason) for s in scan.skipped] == [
        ("link.txt", "a link that leads out of the corpus")
    ]
    with pytest.raises(OSError, match="leads out"):
        corpus_at(inside).read("folder/secret.txt")


def test_of_a_repository_only_what_it_tracks_is_read(tmp_path: Path) -> None:
    porcelain.init(str(tmp_path))
    (tmp_path / "tracked.md").write_text("# Tracked")
    (tmp_path / "scratch.md").write_text("# Scratch")
    # Git would run this program; reading the index does not.
    with (tmp_path / ".git" / "config").open("a") as settings:
        settings.write(f"[core]\n\tfsmonitor = touch {tmp_path}/ran\n")
    porcelain.add(str(tmp_path), [str(tmp_path / "tracked.md")])
    assert [file.source for file in corpus_at(tmp_path).scan().files] == ["tracked.md"]
    assert not (tmp_path / "ran").exists()


def test_other_kinds_are_counted_and_huge_files_named(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(60_000_000)
    skipped = {each.source: each.reason for each in corpus_at(tmp_path).scan().skipped}
    assert skipped == {
        "*.png": "not a kind that is read (2 files)",
        "huge.txt": "larger than 50 MB",
    }


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match="no such folder"):
        corpus_at(tmp_path / "missing")
