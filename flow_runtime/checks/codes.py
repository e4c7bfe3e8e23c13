"""Every code a problem of a flow may have, for people who meet it in the editor or an API answer.

`python -m flow_runtime.checks.codes` prints docs/problems.md.
"""

from collections.abc import Mapping

_SHAPE: Mapping[str, tuple[str, str]] = {
    "unreadable_document": ("error", "What was given is not plain JSON of a sensible size."),
    "newer_schema": ("error", "A newer Chatloom made this flow."),
    "too_many_nodes": ("error", "The flow is larger than a flow may be."),
    "invalid_document": ("error", "A part of the document is missing, or is of the wrong kind."),
}
_REFERENCES: Mapping[str, tuple[str, str]] = {
    "missing_start": ("error", "Nothing says where a conversation begins."),
    "several_starts": ("error", "More than one node is the start."),
    "unknown_node_type": ("error", "No installed node is of this type: its plugin is missing."),
    "unknown_node_version": ("error", "The node is of another version than the installed one."),
    "upgrade_failed": ("error", "The node is of an older version, and its settings could not be brought to the installed one."),
    "blocked_node_type": ("error", "The workspace may not use this node: its plugin is switched off or refused."),
    "dangling_edge": ("error", "A connection begins or ends at a node that does not exist."),
    "unknown_port": ("error", "A connection leaves by a way out that the node does not have."),
    "duplicate_edge": ("error", "Two connections leave by the same way out."),
    "duplicate_port": ("error", "Two ways out of a node have the same name."),
    "unknown_step": ("error", "A node leads on to a node that does not exist."),
    "unknown_connection": ("error", "A node names a connection that does not exist."),
    "expired_credential": ("error", "A node names a connection that cannot be used now."),
    "unknown_knowledge_base": ("error", "A node names a knowledge base that does not exist."),
    "unknown_agent": ("error", "A node names an agent that does not exist."),
    "unknown_subflow": ("error", "A node calls a flow that does not exist."),
    "missing_input": ("error", "A called flow needs an input that it does not get."),
    "unknown_interface": ("error", "A called flow has no such input or output."),
}
_WAYS: Mapping[str, tuple[str, str]] = {
    "unconnected_port": ("error", "Nothing follows a way out that a customer will take."),
    "no_error_branch": ("warning", "Nothing is said when a call fails."),
    "no_fallback": ("warning", "Nothing is said when a call finds nothing."),
    "unreachable_node": ("warning", "No conversation can get to the node."),
    "dead_end": ("warning", "A path ends while the customer waits for an answer."),
    "endless_loop": ("error or warning", "A circle in which nothing waits: an error when it can never end."),
    "endless_body": ("error", "What a for_each inside another one does for each item leads back to the outer one."),
    "endless_recursion": ("error", "Flows call each other whatever happens, so that none can end."),
    "waiting_branch": ("error", "A branch of run_parallel waits for the customer."),
}
_TRIGGERS: Mapping[str, tuple[str, str]] = {
    "trigger_to_nothing": ("error", "A trigger leads to a node that does not exist."),
    "duplicate_trigger": ("error", "Two triggers answer to the same word, value, intent or event."),
    "bad_schedule": ("error", "The five fields of a schedule cannot be read."),
    "unknown_time_zone": ("error", "There is no time zone of that name."),
    "inactivity_too_short": ("warning", "A step waits longer than the flow waits for the customer."),
    "error_trigger_loop": ("error", "What runs after an error can cause the same error again."),
}
_SETTINGS: Mapping[str, tuple[str, str]] = {
    "missing_setting": ("error", "A field that must be filled in is empty."),
    "invalid_setting": ("error", "A field holds something that does not fit."),
    "pattern_error": ("error", "RE2 cannot run the pattern."),
    "expression_error": ("error", "What stands between {{ and }} cannot be computed."),
    "type_mismatch": ("error or warning", "Two values do not go together: an error when it fails whenever they are there."),
}
_VARIABLES: Mapping[str, tuple[str, str]] = {
    "unknown_variable": ("error", "Nothing sets what is read here."),
    "reserved_variable": ("error", "The name means something else already."),
    "wrong_default": ("error", "The default is not of the variable's type."),
    "read_before_set": ("warning", "On some way nothing has set what is read; the way is in the message."),
    "unused_variable": ("warning", "Nothing reads the variable."),
    "personal_data_leaves": ("warning", "Something personal goes to a model or another system before consent was asked for."),
}
_CUSTOMERS: Mapping[str, tuple[str, str]] = {
    "missing_translation": ("warning", "A text is missing in one of the flow's languages."),
    "label_too_long": ("warning", "A channel cuts the label of a choice."),
    "buttons_become_list": ("warning", "A channel has no room for so many buttons, and shows a list that the customer opens first."),
    "too_many_choices": ("warning", "A channel shows fewer choices."),
    "text_too_long": ("warning", "A channel cuts the message."),
    "card_not_shown": ("warning", "A channel has no cards, or fewer at once."),
    "too_many_buttons": ("warning", "A channel shows fewer buttons on a card."),
    "media_not_shown": ("warning", "A channel cannot show this kind of file."),
}
_MODELS: Mapping[str, tuple[str, str]] = {
    "unknown_intent": ("error", "The intent does not exist."),
    "few_examples": ("warning", "The intent has too few examples to be learned well."),
    "unreachable_intent": ("warning", "Nothing happens when the intent is understood."),
    "similar_intents": ("warning", "The examples of two intents can hardly be told apart."),
    "untrainable_intents": ("error", "The intents cannot be learned from their examples."),
    "no_model": ("warning", "No model is connected, and nothing is said without one."),
    "cost_over_budget": ("warning", "One turn may cost more than its budget."),
}

FAMILIES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "The document": _SHAPE,
    "What it names": _REFERENCES,
    "Ways through it": _WAYS,
    "Triggers": _TRIGGERS,
    "Settings and expressions": _SETTINGS,
    "Variables": _VARIABLES,
    "What the customer sees": _CUSTOMERS,
    "Understanding, models and cost": _MODELS,
}
CODES: Mapping[str, tuple[str, str]] = {code: about for family in FAMILIES.values() for code, about in family.items()}
"""Severity and meaning by code. A code never changes its meaning; an error forbids publishing."""


def page() -> str:
    """docs/problems.md."""
    lines = [
        "# Problems of a flow",
        "",
        "The editor lists them beside the canvas; `GET /api/v1/flows/{id}/problems` gives them as data: `code`, `severity`,",
        "`node_id`, `field`, `message`, `fix` and, inside a text, `position`. An error forbids publishing, a warning does not.",
        "Each code below is shown by a flow in `tests/flow_runtime/broken_flows`.",
    ]
    for title, family in FAMILIES.items():
        lines += ["", f"## {title}", "", "| code | severity | what it means |", "|---|---|---|"]
        lines += [f"| `{code}` | {severity} | {meaning} |" for code, (severity, meaning) in family.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
