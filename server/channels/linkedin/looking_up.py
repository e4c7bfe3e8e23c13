"""What a notification only points at: the words of a comment, the answers of a lead."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from server.channels.contract import Finding, Inbound, NotFetched, Received, Secrets, Settings
from server.channels.linkedin.api import TOKEN, comment_in, encoded, headers, rest_url
from server.channels.linkedin.notifications import LEAD_CAME, MEMBER, POINTED_AT, moment
from server.channels.payload import Object, part_of, parts_of, text_of
from server.channels.provider import Told, ask
from server.kit.http import OutboundClient

_LEAD_FIELDS = "id,submittedAt,submitter,leadType,testLead,formResponse,form:(name,content)"
_LEAD_NUMBER = re.compile(r"urn:li:leadGenFormResponse:([\w-]{1,100})", re.ASCII)
_ABOUT = ("email", "work_email", "phone_number", "company_name", "job_title")


async def looked_up(http: OutboundClient, received: Received, settings: Settings, secrets: Secrets) -> Received:
    """The same with all words. Without a token, or when LinkedIn refuses, it stays as it is; raises NotFetched while LinkedIn is away."""
    if not secrets.get(TOKEN):
        return received
    found = await asyncio.gather(*(_one(http, said, settings, secrets) for said in received.messages))
    return replace(received, messages=[said for said in found if said is not None])


async def comment_of(http: OutboundClient, name: str, settings: Settings, secrets: Secrets) -> Told | Finding | None:
    """LinkedIn's answer to a question for a comment; None when that is no comment's name."""
    comment = comment_in(name)
    if comment is None:
        return None
    _, target, number = comment
    url = rest_url(settings, f"socialActions/{encoded(target)}/comments/{number}")
    return await ask(http, "GET", url, None, headers(settings, secrets))


async def _one(http: OutboundClient, said: Inbound, settings: Settings, secrets: Secrets) -> Inbound | None:
    if said.unsupported == POINTED_AT:
        told = await comment_of(http, said.contact_id, settings, secrets)
        return said if told is None or not (data := _data(told)) else _comment(said, data)
    lead = _LEAD_NUMBER.fullmatch(said.contact_id) if said.event == LEAD_CAME else None
    if lead is None:
        return said
    url = rest_url(settings, f"leadFormResponses/{lead[1]}?fields={_LEAD_FIELDS}")
    data = _data(await ask(http, "GET", url, None, headers(settings, secrets)))
    return _lead(said, data) if data else said


def _data(told: Told | Finding) -> Object:
    """What LinkedIn answered; empty for a refusal that would be the same tomorrow."""
    if isinstance(told, Finding):
        raise NotFetched(told.message)
    if told.status == 429 or told.status >= 500:
        raise NotFetched(f"LinkedIn answered {told.status}.")
    return told.data if told.status == 200 else {}


def _comment(said: Inbound, data: Object) -> Inbound | None:
    """The comment with its words; None for a page's own, or one without words."""
    author, text = text_of(data, "actor"), text_of(part_of(data, "message"), "text").strip()
    if not author.startswith(MEMBER) or not text or "\0" in text:
        return None
    place = {**said.reply_place, **({"parent": parent} if (parent := text_of(data, "parentComment")) else {})}
    at = said.at or moment(part_of(data, "created").get("time"))
    return replace(said, contact_id=author, text=text, unsupported=None, at=at, reply_place=place)


def _lead(said: Inbound, data: Object) -> Inbound:
    form = part_of(data, "form")
    questions = {one.get("questionId"): one for one in parts_of(part_of(form, "content"), "questions")}
    answers = dict(_answers(parts_of(part_of(data, "formResponse"), "answers"), questions))
    name = " ".join(part for part in (answers.get("first_name"), answers.get("last_name")) if part)[:200]
    submitter = text_of(data, "submitter")
    return replace(
        said,
        contact_id=submitter if submitter.startswith(MEMBER) else said.contact_id,
        contact_name=name or None,
        attributes={known: answers[known] for known in _ABOUT if known in answers},
        payload={**said.payload, "form_name": text_of(form, "name"), "test": data.get("testLead") is True, "answers": answers},
    )


def _answers(given: Iterator[Object], questions: Mapping[Any, Object]) -> Iterator[tuple[str, str]]:
    """The answers by LinkedIn's name of the question (`email`), or by the one the form's author gave it."""
    for answer in given:
        number = answer.get("questionId")
        question = questions.get(number, {}) if isinstance(number, int | str) else {}
        name = text_of(question, "predefinedField").lower() or text_of(question, "name") or f"question_{number}"
        details = part_of(answer, "answerDetails")
        text = text_of(part_of(details, "textQuestionAnswer"), "answer") or _picked(details, question)
        if text:
            yield name[:100].replace("\0", ""), text[:2_000].replace("\0", "")


def _picked(details: Object, question: Object) -> str:
    """The words of the options that were picked; their numbers where the form does not tell the words."""
    numbers = part_of(details, "multipleChoiceAnswer").get("options")
    options = parts_of(part_of(part_of(question, "questionDetails"), "multipleChoiceQuestionDetails"), "options")
    words = {option.get("id"): next((str(text) for text in _texts(option)), "") for option in options}
    picked = [number for number in numbers if isinstance(number, int)] if isinstance(numbers, list) else []
    return ", ".join(words.get(number) or str(number) for number in picked)


def _texts(option: Object) -> Iterator[Any]:
    yield from part_of(part_of(option, "text"), "localized").values()
