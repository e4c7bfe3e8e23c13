"""Rules that every template keeps, so that the strict content security policy holds and htmx 4 does what we mean."""

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "ui" / "templates"
PAGES = sorted(TEMPLATES.rglob("*.html"))
NEVER = {
    "an inline handler": r"<[^>{]*\son[a-z]+\s*=",
    "an inline style": r"<[^>{]*\sstyle\s*=",
    "a style element without the nonce": r"<style\b(?![^>]*\bnonce=)",
    "an inline script": r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")",
    "htmx code that needs eval": r"""\bhx-on[:=]|\bhx-(?:vals|headers)(?::\w+)?\s*=\s*["'](?:js|javascript):|\bhx-trigger\s*=\s*"[^"]*\[""",
    "an attribute of htmx 2": r"\bhx-(?:ext|disinherit|inherit|params|prompt|history-elt|request)\s*=",
    "an element whose name htmx rewrites": r"<hx-(?!partial\b)",
    "raw HTML past the escaping": r"\|\s*safe\b",
    "an address of elsewhere": r"""(?<![\w("'])<\w[^>]*\b(?:src|href)\s*=\s*["']https?://""",
}


@pytest.mark.parametrize("name", NEVER)
def test_no_template_has(name: str) -> None:
    pattern = re.compile(NEVER[name])
    found = [
        f"{page.relative_to(TEMPLATES)}: {match[0][:80]}"
        for page in PAGES
        for match in pattern.finditer(without_comments(page.read_text()))
    ]
    assert found == []


def test_the_token_against_forged_requests_is_inherited_by_everything_htmx_sends() -> None:
    for frame in ("base.html", "bare.html"):
        assert "<body" in (text := (TEMPLATES / frame).read_text())
        assert re.search(r"<body[^>]*hx-headers:inherited='\{\"X-CSRF-Token\"", text)


def test_every_form_that_a_signed_in_browser_posts_carries_the_token() -> None:
    for page in PAGES:
        for form in re.findall(r"<form\b[^>]*>.*?</form>", page.read_text(), re.DOTALL):
            if re.search(r'method="post"', form[: form.index(">") + 200]) and "hx-post" not in form and 'action="/sign-' not in form:
                assert 'name="_csrf"' in form, f"{page.relative_to(TEMPLATES)}: {form[:120]}"


def without_comments(text: str) -> str:
    return re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
