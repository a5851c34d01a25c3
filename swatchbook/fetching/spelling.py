"""URLs that are spelled in several ways."""

from yarl import URL


def key_of(url: str) -> str:
    """What two spellings of one image have in common."""
    try:
        parsed = URL(url)
        marks = [name for name in parsed.query if name.startswith("utm_")]
        text = str(parsed.without_query_params(*marks).with_fragment(None))
    except ValueError:
        return url
    return text.partition(":")[2] if parsed.scheme in ("http", "https") else text


def host_of(url: str) -> str:
    """The host of a URL; empty where it has none."""
    try:
        return URL(url).host or ""
    except ValueError:
        return ""
