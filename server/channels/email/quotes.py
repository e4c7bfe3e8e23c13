"""What somebody wrote anew in a mail: without the mail it answers, and without the signature."""

import re

_ANSWERED = re.compile(
    r"""^[>\s]*(?:
      (?:On|Am|Le|El|Il|Op|Den|Em|W\ dniu|Dnia|Dne|P\u00e5|Ar)\b.{0,300}
      (?:wrote|schrieb|a\ \u00e9crit|escribi\u00f3|ha\ scritto|schreef|skrev|escreveu|napisa\u0142(?:\(a\))?|napsal(?:\(a\))?|geschreven)
      .{0,100}:
    )\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"""^\s*(?:
      -{2,}\s*(?:Original\ Message|Urspr\u00fcngliche\ Nachricht|Message\ d'origine|Mensaje\ original|Messaggio\ originale|
                 Oorspronkelijk\ bericht|Forwarded\ message|Weitergeleitete\ Nachricht)\s*-{2,}
      |_{10,}
      |Begin\ forwarded\ message:
    )\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER_LINE = re.compile(r"^\s*\*?(From|Von|De|Da|Van|Fr\u00e5n)\s*:\*?\s.{1,300}$", re.IGNORECASE)
_NEXT_HEADER = re.compile(
    r"^\s*\*?(Sent|Date|To|Subject|Gesendet|Datum|An|Betreff|Envoy\u00e9|Date|\u00c0|Objet|Enviado|Fecha|Para|Asunto|Inviato|Data|A|Oggetto|Verzonden|Aan|Onderwerp)\s*:",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"^-- ?$|^Sent from my \w|^Von meinem \w+ gesendet|^Get Outlook for|^Envoy\u00e9 de mon ", re.IGNORECASE)


def without_quotes(text: str) -> str:
    """The new words; empty when there are none."""
    lines = text.split("\n")
    kept = lines[: next((number for number in range(len(lines)) if _begins_quote(lines, number)), len(lines))]
    fresh = "\n".join(line for line in kept if not line.lstrip().startswith(">"))
    signed = fresh.split("\n")
    end = next((number for number, line in enumerate(signed) if number and _SIGNATURE.match(line)), len(signed))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(signed[:end])).strip()


def _begins_quote(lines: list[str], number: int) -> bool:
    """Whether the mail that is answered begins here; its introduction may be broken into up to three lines."""
    line = lines[number]
    if _FORWARDED.match(line):
        return True
    if _HEADER_LINE.match(line):
        return any(_NEXT_HEADER.match(other) for other in lines[number + 1 : number + 3])
    return any(_ANSWERED.match(" ".join(lines[number : number + count])) for count in (1, 2, 3)) if line.strip() else False
