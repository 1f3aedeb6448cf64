"""What `elinker data wikipedia` costs: a dump is generated and converted.

    python benchmarks/wikipedia_dump.py --articles 5000

Time is processor time, memory the peak of the converting process. The sentences are random words; what matters is the
markup, which is made like that of the English Wikipedia: infoboxes, references with templates, files, tables, lists.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

PROSE = (
    "the of and in to a was is for as on with by he that at from his it an were are which this also has or had first "
    "one their its after new who two they have her been other when time during there into all city years world team"
)
PLACES = (
    "Alder Brook Carver Dunmore Elling Fenwick Garrow Halden Iverness Jarrow Kestrel Lorne Marlow Norwick Ossel "
    "Penrith Quarry Rowan Selby Thorn Ulver Varley Wexcombe Yarrow Zennor"
)
WORDS, NAMES = PROSE.split(), PLACES.split()
HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
<siteinfo><namespaces><namespace key="0" /><namespace key="6">File</namespace></namespaces></siteinfo>
"""


class Wiki:
    """Random articles that link to each other."""

    def __init__(self, articles: int, seed: int = 7) -> None:
        self.articles = articles
        self.random = random.Random(seed)

    def title(self, number: int) -> str:
        first, second, rest = number % 25, number // 25 % 25, number // 625
        return f"{NAMES[first]} {NAMES[second]}" + (f" {rest}" if rest else "")

    def any_title(self) -> str:
        return self.title(self.random.randrange(self.articles))

    def link(self) -> str:
        title = self.any_title()
        return self.random.choice(
            (f"[[{title}]]", f"[[{title}|{title.split()[0]}]]", f"[[{title}]]s", f"[[{title.replace(' ', '_')}#A|it]]")
        )

    def words(self, count: int) -> str:
        return " ".join(self.random.choices(WORDS, k=count))

    def sentence(self) -> str:
        draw = self.random.random
        parts = []
        for _ in range(self.random.randint(8, 25)):
            chance = draw()
            markup = self.link() if chance < 0.08 else "''so''" if chance < 0.1 else "{{convert|5|km|mi}}"
            parts.append(markup if chance < 0.11 else self.random.choice(WORDS))
        cite = "<ref>{{cite web |url=http://example.org |title=%s |last=%s |publisher=[[%s]]}}</ref>"
        reference = cite % (self.words(6), self.random.choice(NAMES), self.any_title()) if draw() < 0.45 else ""
        return f"The {' '.join(parts)}.{reference}"

    def paragraph(self) -> str:
        return " ".join(self.sentence() for _ in range(self.random.randint(2, 7)))

    def article(self, number: int) -> str:
        title = self.title(number)
        leaders = f"{{{{ubl|[[{self.any_title()}]]|[[{self.any_title()}]]}}}}"
        parts = [
            f"{{{{Infobox place\n| name = {title}\n| leader = {leaders}\n| at = {{{{coord|51|N|0|W}}}}\n}}}}",
            f"[[File:A.jpg|thumb|left|A view of [[{self.any_title()}]]]]",
            f"'''{title}''' ({{{{IPA|a|b}}}}) is a [[{self.any_title()}|town]]. {self.paragraph()}",
        ]
        for _ in range(self.random.randint(1, 8)):
            parts.append(f"== {self.words(2).capitalize()} ==")
            parts += [self.paragraph() for _ in range(self.random.randint(1, 4))]
            rows = "".join(f"|-\n| [[{self.any_title()}]] || 7\n" for _ in range(8))
            parts += [f'{{| class="wikitable"\n! A !! B\n{rows}|}}'] if self.random.random() < 0.3 else []
            parts += [f"* [[{self.any_title()}]]\n" * 6] if self.random.random() < 0.3 else []
        return "\n\n".join([*parts, "{{reflist}}\n[[Category:A]]"])

    def pages(self) -> Iterator[str]:
        page = "<page><title>{}</title><ns>0</ns><id>{}</id>{}<revision><id>1</id><text>{}</text></revision></page>\n"
        for number in range(self.articles):
            title = self.title(number)
            yield page.format(title, number + 1, "", escape(self.article(number)))
            if number % 2:
                redirect = f'<redirect title="{title}" />'
                yield page.format(f"Old {title}", number + 10**7, redirect, f"#REDIRECT [[{title}]]")


def measure_conversion(wiki: Wiki, folder: Path) -> None:
    dump = folder / "dump.xml"
    with dump.open("w", encoding="utf-8") as file:
        file.writelines([HEAD])
        file.writelines(wiki.pages())
        file.write("</mediawiki>\n")
    command = [sys.executable, "-m", "elinker", "data", "wikipedia", str(dump), "-o", str(folder / "out")]
    subprocess.run(command, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, megabytes = used.ru_utime + used.ru_stime, dump.stat().st_size / 1e6
    print("| articles | MB of XML | seconds | MB/s | articles/s | peak MB |\n| --- | --- | --- | --- | --- | --- |")
    print(
        f"| {wiki.articles:,} | {megabytes:.1f} | {seconds:.1f} | {megabytes / seconds:.2f} | "
        f"{wiki.articles / seconds:.0f} | {used.ru_maxrss / 1024:.0f} |\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=5000)
    arguments = parser.parse_args()
    wiki = Wiki(arguments.articles)
    with tempfile.TemporaryDirectory() as folder:
        measure_conversion(wiki, Path(folder))


if __name__ == "__main__":
    main()
