from __future__ import annotations

import gzip
import io
import logging

import pytest

from indexing.corpus import CorpusOptions, read_documents
from indexing.documents import Document
from indexing.errors import InputError
from indexing.formats.recognising import recognise
from indexing.formats.source import SourceFile
from indexing.headings import headings
from indexing.problems import Problems


def read(source, problems: Problems | None = None, **options) -> list[Document]:
    collected = problems or Problems(strict=True)
    return list(read_documents([source], CorpusOptions(**options), collected))


def only(path, data: bytes) -> Document:
    path.write_bytes(data)
    (document,) = read(path)
    return document


def as_pdf(*pages: str, title: str = "") -> bytes:
    """Write a small PDF by hand, so that another program than the reader's makes it."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for page in pages:
        stream = f"BT /F1 12 Tf 72 720 Td ({page}) Tj ET"
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /Contents {number + 1} 0 R "
            f"/MediaBox [0 0 612 792] /Resources << /Font << /F1 {font} >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    objects.append(f"<< /Title ({title}) >>")
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    xref = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    return out + f"{xref}trailer\n{trailer}\nstartxref\n{len(out)}\n%%EOF\n".encode()


def as_docx() -> bytes:
    docx = pytest.importorskip("docx")
    word = docx.Document()
    word.core_properties.title = ""
    word.add_heading("The Title", 0)
    word.add_paragraph("First paragraph, 世界.")
    word.add_heading("Part", 2)
    table = word.add_table(2, 3)
    for row, texts in zip(table.rows, [("a", "b", "c"), ("wide", "", "d")], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.rows[1].cells[0].merge(table.rows[1].cells[1])
    word.add_paragraph("Last.")
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "make", "title", "text"),
    [
        ("my_own-notes.txt", lambda: b"Words.\r\nMore.\n", "my own notes", "Words.\nMore.\n"),
        ("n.txt", "\ufeffÄ".encode, "n", "Ä"),
        ("n.txt", lambda: "Ä 世\n".encode("utf-16"), "n", "Ä 世\n"),
        ("a.md", lambda: b"text\n\n# The *Big* [One](x)\n", "The Big One", None),
        ("a.md", lambda: b"Big One\n=======\ntext\n", "Big One", None),
        ("a.md", lambda: b"```\n# no\n```\njust text\n", "a", None),
        ("a.rst", lambda: b"*******\nThe One\n*******\n\nText.\n", "The One", None),
        ("a.html", lambda: b"<title>A &amp; B</title><p>One<p>Two", "A & B", "One\n\nTwo"),
        ("a.htm", lambda: b"<h1>Head</h1>One", "Head", "# Head\n\nOne"),
        ("a.html", lambda: b'<meta charset="latin-1"><p>caf\xe9', "a", "café"),
        ("noname", lambda: b"<!-- x -->\n<!DOCTYPE html><p>One", "noname", "One"),
        ("a.pdf", lambda: as_pdf("One page", "and two", title="Ti"), "Ti", "One page\n\nand two"),
        ("b.pdf", lambda: as_pdf("One page"), "b", "One page"),
        (
            "a.docx",
            as_docx,
            "The Title",
            "# The Title\n\nFirst paragraph, 世界.\n\n## Part\n\na\tb\tc\nwide\td\n\nLast.",
        ),
    ],
)
def test_one_file_is_one_document(tmp_path, name, make, title, text, suffix):
    folder = tmp_path / "sub"
    folder.mkdir()
    data = make()
    (folder / (name + suffix)).write_bytes(gzip.compress(data) if suffix else data)
    expected = Document(f"sub/{name}{suffix}", title, data.decode() if text is None else text)
    assert read(tmp_path) == [expected]


@pytest.mark.parametrize("name", ["binary.pdf", "word.docx", "page.html"])
def test_content_is_recognised_without_a_suffix(tmp_path, name):
    data = {
        "binary.pdf": as_pdf("One page"),
        "word.docx": as_docx(),
        "page.html": b"<html><body>One",
    }[name]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "x").write_bytes(data)
    assert only(tmp_path / "x", data).text == read(tmp_path / name)[0].text


def test_front_matter_is_title_and_metadata(tmp_path):
    data = b'---\ntitle: "A b"\nlang: en\ntags:\n  - x\n---\n\n# Other\n\nText --- more\n---\n'
    assert only(tmp_path / "a.md", data) == Document(
        "a.md", "A b", "\n# Other\n\nText --- more\n---\n", metadata={"lang": "en"}
    )
    assert only(tmp_path / "b.md", b"---\nnot closed\n").text == "---\nnot closed\n"


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nAn introduction: two\nlines.\n\n---\n\nSecond.\n",
        "---\n \nNote: this.\n---\nSecond.\n",
        "---\nWhat this is about.\n---\nSecond.\n",
    ],
)
def test_text_between_two_rules_is_no_front_matter(tmp_path, text):
    assert only(tmp_path / "a.md", text.encode()).text == text


def test_empty_front_matter_is_left_out(tmp_path):
    assert only(tmp_path / "a.md", b"---\n---\nText.\n").text == "Text.\n"


def test_a_word_document_is_read_as_if_its_changes_were_accepted(tmp_path):
    docx = pytest.importorskip("docx")
    word = docx.Document()
    word.element.body.insert(0, parse_word(CHANGED))
    word.save(tmp_path / "a.docx")
    (document,) = read(tmp_path / "a.docx")
    assert document.text == "A refund takes five days.\n\n# Terms\n\nEverywhere\n\na\tb\nc\td"


CHANGED = """<w:sdt><w:sdtPr/><w:sdtContent>
<w:p><w:r><w:t xml:space="preserve">A refund </w:t></w:r>
<w:del><w:r><w:delText>is</w:delText></w:r></w:del>
<w:ins><w:r><w:t xml:space="preserve">takes </w:t></w:r></w:ins>
<w:moveFrom><w:r><w:t>days.</w:t></w:r></w:moveFrom>
<w:sdt><w:sdtContent><w:r><w:t xml:space="preserve">five </w:t></w:r></w:sdtContent></w:sdt>
<w:ins><w:moveTo><w:r><w:t>days.</w:t></w:r></w:moveTo></w:ins></w:p>
<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>
<w:p><w:r><w:t>Click to enter text.</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:p><w:pPr><w:pStyle w:val="Heading1"/><w:rPr><w:ins/></w:rPr></w:pPr>
<w:r><w:t>Terms</w:t></w:r></w:p>
<w:p><w:smartTag><w:r><w:t>Everywhere</w:t></w:r></w:smartTag></w:p>
<w:tbl><w:tblGrid><w:gridCol/><w:gridCol/></w:tblGrid>
<w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>
<w:sdt><w:sdtContent><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:sdtContent></w:sdt></w:tr>
<w:sdt><w:sdtContent><w:tr><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc>
<w:tc><w:p><w:ins><w:r><w:t>d</w:t></w:r></w:ins></w:p></w:tc></w:tr></w:sdtContent></w:sdt>
</w:tbl></w:sdtContent></w:sdt>"""


def parse_word(xml: str):
    """Make elements as python-docx reads them of a file."""
    oxml = pytest.importorskip("docx.oxml")
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return oxml.parse_xml(xml.replace("<w:sdt>", f'<w:sdt xmlns:w="{namespace}">', 1))


def test_a_huge_text_becomes_several_documents(tmp_path):
    paragraphs = [f"Paragraph {n} of a long book, in ö.\n" for n in range(250_000)]
    path = tmp_path / "book.txt"
    path.write_text("".join(paragraphs))
    found = read(path)
    assert [document.id for document in found] == ["book.txt", "book.txt#2", "book.txt#3"]
    assert "".join(document.text for document in found) == "".join(paragraphs)
    assert all(document.text.endswith("ö.\n") for document in found)
    path.write_text("世" * 3_000_000)
    assert "".join(document.text for document in read(path)) == "世" * 3_000_000


def test_headings():
    text = (
        "# One #\n\n#no\n\n```sh\n# comment\n```\n\nTwo\n---\n\n"
        "+++++\nThree\n+++++\n\nFour\n~~~~\n\n| a |\n|---|\n\nparagraph\nof two\n---\n\n## Five"
    )
    found = list(headings(text))
    assert [words for *_, words in found] == ["One", "Two", "Three", "Four", "Five"]
    assert [text[start:end] for start, end, _ in found] == [
        "# One #",
        "Two\n---",
        "+++++\nThree\n+++++",
        "Four\n~~~~",
        "## Five",
    ]


@pytest.mark.parametrize(
    ("name", "data", "line", "reason"),
    [
        ("a.txt", b"one\ntwo \xff\n", 2, "invalid UTF-8"),
        ("a.md", b"one\n\n\xe4", 3, "invalid UTF-8"),
        ("a.html", b"<p>\n\xe4 b", 2, "invalid UTF-8"),
        ("a.txt", b" \n", None, "empty text"),
        ("a.txt", b"", None, "empty text"),
        ("a.md", b"---\ntitle: x\n---\n", None, "empty text"),
        ("a.html", b"<title>x</title>", None, "empty text"),
        ("a.txt.gz", gzip.compress(b"text " * 1000)[:-20], None, "damaged archive"),
        ("a.pdf", as_pdf("Some words")[:50], None, "unreadable PDF"),
        ("a.pdf", b"nonsense", None, "unreadable PDF"),
        ("a.pdf", as_pdf(""), None, "PDF without text"),
        ("a.docx", b"PK\x03\x04 nonsense", None, "unreadable Word document"),
    ],
)
def test_bad_files_are_reported_and_skipped(tmp_path, caplog, name, data, line, reason):
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / name).write_bytes(data)
    problems = Problems()
    assert [document.id for document in read(tmp_path, problems)] == ["good.txt"]
    (problem,) = problems.kept
    assert (problem.source, problem.reason) == (str(tmp_path / name), reason)
    assert problem.line == line
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(InputError, match=reason):
        read(tmp_path)


def test_a_pdf_with_a_password(tmp_path):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(as_pdf("Secret words")))
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    problems = Problems()
    with pytest.raises(InputError, match="password"):
        read(tmp_path / "a.pdf", problems)
    assert problems.counts == {"unreadable PDF": 1}


def test_unreadable_files_are_reported(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    path_open = type(tmp_path).open

    def refuse(path, *args, **kwargs):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return path_open(path, *args, **kwargs)

    monkeypatch.setattr(type(tmp_path), "open", refuse)
    problems = Problems()
    assert [document.id for document in read(tmp_path, problems)] == ["b.txt"]
    assert str(problems.kept[0]) == f"{tmp_path / 'a.txt'}: unreadable file (Permission denied)"


def test_many_comments_are_no_long_wait(tmp_path):
    path = tmp_path / "page"
    path.write_bytes(b"<!-- one -->\n" * 4000 + b"<p>no page, no graph")
    assert recognise(SourceFile(path, "page"), in_folder=True) == "text"
    path.write_bytes(b"<!-- one -->\n" * 4000 + b"<html>")
    assert recognise(SourceFile(path, "page"), in_folder=True) == "html"
