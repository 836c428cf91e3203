"""A scored article as one page of HTML: no network, no framework, everything escaped.

    html = render(article)

The article is in the markup, so it reads and prints without scripts; the script adds details,
filters and citations from a block of JSON. Nothing of the article is ever parsed as HTML.
"""

from stance.page.render import render

__all__ = ["render"]
