"""Facts about languages and countries that several readers need."""

COUNTRY_OF = {
    "ar": "SA", "cs": "CZ", "da": "DK", "de": "DE", "el": "GR", "en": "US", "es": "ES", "fi": "FI", "fr": "FR", "he": "IL", "hi": "IN",
    "hu": "HU", "it": "IT", "ja": "JP", "ko": "KR", "nb": "NO", "nl": "NL", "no": "NO", "pl": "PL", "pt": "PT", "ro": "RO", "ru": "RU",
    "sv": "SE", "tr": "TR", "uk": "UA", "vi": "VN", "zh": "CN",
}  # fmt: skip
"""The country (ISO 3166) a language suggests when nothing says better."""

DECIMAL_POINT = frozenset(("en", "he", "hi", "ja", "ko", "th", "zh"))
"""Languages that write 1.5; the others write 1,5."""


def primary(language: str | None) -> str:
    """The language without its country: "de" of "de-AT"; English when there is none."""
    return (language or "en").replace("_", "-").split("-")[0].casefold() or "en"


def country_of(language: str | None, region: str | None) -> str | None:
    """The country (ISO 3166) by the region given, by the language's own ("de-AT"), or by what the language suggests."""
    if region:
        return region.upper()
    parts = (language or "").replace("_", "-").split("-")
    own = next((part.upper() for part in parts[1:] if len(part) == 2 and part.isalpha()), None)
    return own or COUNTRY_OF.get(primary(language))
