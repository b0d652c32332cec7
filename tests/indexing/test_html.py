"""Pages give their text whatever is around it, in the encoding that a browser would read."""

from __future__ import annotations

import pytest

from indexing.formats.html import page_text
from indexing.problems import Problems
from tests.indexing.corpus_files import read


def test_the_text_of_a_page():
    page = """<!DOCTYPE html><html><head><title> My
      page </title><style>p {}</style><script>if (a < b) "<p>no</p>"</script></head><body>
      <nav><ul><li>Menu</li></ul></nav>
      <h1>Head <em>line</em><br>two</h1>
      <p>One <b>bold</b>word&nbsp;&lt;tag&gt;<br>next   line</p>
      <ul> <li>first</li> <li>second</li> </ul>
      <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
      <pre>keep   this
  as it is</pre>
      <form><button>Go</button></form><footer>Imprint</footer></body></html>"""
    assert page_text(page) == (
        "My page",
        "# Head line two\n\nOne boldword\u00a0<tag>\nnext line\n\nfirst\nsecond\n\n"
        "a b\n1 2\n\nkeep   this\n  as it is",
    )


def test_a_menu_that_never_closes_does_not_swallow_the_page():
    assert page_text("<nav>Menu<p>Body")[1] == "Menu\n\nBody"
    assert page_text("<head><title>T</title><body>Body")[1] == "Body"
    assert page_text("<head><title>T</title><p>Body") == ("T", "Body")
    page = "<a>Skip</a><nav>Menu<p>Body"
    assert page_text(page)[1] == "Skip\n\nMenu\n\nBody"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            "<a>Skip</a><form id=aspnetForm><h1>Fees</h1><p>They are low.<input value=x>"
            "<select><option>One</select><textarea>Write</textarea><button>Go</button></form>",
            "Skip\n\n# Fees\n\nThey are low.",
        ),
        (
            "<h2><button>How do I get a refund?</button></h2><div>Write to us.</div>"
            "<button>Close</button>",
            "## How do I get a refund?\n\nWrite to us.",
        ),
        (
            "<details><summary><button>May I?</button></summary>Yes.<button>Ok</button></details>",
            "May I?\n\nYes.",
        ),
        ("<dl><dt><button>May I?</button><dd>Yes.<button>Ok</button></dl>", "May I?\nYes."),
        ("<p>Text.<aside>A note.</aside>", "Text.\n\nA note."),
    ],
)
def test_forms_notes_and_headings_to_click_on_are_text(page, text):
    assert page_text(page)[1] == text


def test_the_title_of_a_drawing_is_not_the_page_s():
    drawing = "<svg><title>Close icon</title></svg>"
    assert page_text(f"<body>{drawing}<h1>Refunds</h1>Text.") == ("Refunds", "# Refunds\n\nText.")
    assert page_text(f"{drawing}<title>Page</title>Text.")[0] == "Page"


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("undefined", "café", "café"),
        ("idna", "café", "café"),
        ("unicode_escape", r"C:\new café", r"C:\new café"),
        ("hex", "café", "café"),
        ("no-such", "café", "café"),
        ("utf-16", "café", "café"),
        ("UTF-16LE", "plain text", "plain text"),
        ("iso-8859-1", b"caf\xe9 \x93quoted\x94 \x96 \x80 5", "café “quoted” – € 5"),
        ("latin1", b"it\x92s", "it’s"),
        ("us-ascii", b"it\x92s", "it’s"),
        ("iso-8859-2", b"\xb1", "ą"),
        ("shift_jis", "日本".encode("shift_jis"), "日本"),
    ],
)
def test_declared_encodings(tmp_path, charset, body, text):
    data = body.encode() if isinstance(body, str) else body
    path = tmp_path / "a.html"
    path.write_bytes(f'<meta charset="{charset}"><p>'.encode() + data)
    (document,) = read(path)
    assert document.text == text


def test_a_page_in_no_known_encoding_is_reported(tmp_path):
    (tmp_path / "a.html").write_bytes(b'<meta charset="undefined">\n<p>caf\xe9')
    (tmp_path / "b.html").write_text("<p>Fine.")
    problems = Problems()
    assert [document.text for document in read(tmp_path, problems=problems)] == ["Fine."]
    assert [(p.line, p.reason) for p in problems.kept] == [(2, "invalid UTF-8")]
