"""The results page taken apart, and looked over for what no page may have: for tests of what it says."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

from common.report import overview

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """A page taken apart, and held against the rules that browsers do not complain about."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), f"attribute given twice: {attributes}"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    @property
    def said(self):
        return " ".join(" ".join(self.words).split())

    @property
    def commands(self):
        return [attributes for tag, attributes in self.elements if attributes.get("class") == "command"]


def render(outputs):
    """Write the page and return it, after looking for what no page may have."""
    overview.write(outputs)
    page = Page((outputs / "index.html").read_text(encoding="utf-8"))
    assert page.text.startswith("<!DOCTYPE html>\n")
    assert len(set(page.all("id"))) == len(page.all("id")), "an id is used twice"
    for link in page.all("href"):
        if link.startswith("#"):
            assert link[1:] in page.all("id"), f"{link} leads nowhere"
        elif not link.startswith("data:"):
            assert (outputs / unquote(link)).exists(), f"{link} leads to no file"
    assert all(source.startswith("data:") for source in page.all("src"))
    outside = re.sub(r'(?:href|src)="data:[^"]*"', "", page.text)
    assert not re.search(r"(?:src|href|action)=\"?(?:https?:)?//|url\(|@import|fetch\(|XMLHttpRequest", outside)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"\b(?:None|nan|undefined)\b", page.said)
    assert not list(outputs.glob(".*partial"))
    return page


def table_rows(page, first_cell):
    return [row for row in page.text.split("<tr")[1:] if f">{first_cell}</th>" in row]
