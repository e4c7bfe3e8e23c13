"""The pages on which flows are listed, drawn, tested and published."""

from server.editor import (
    canvas_pages,
    channel_pages,
    completion_pages,
    flow_pages,
    form_pages,
    general_pages,
    intent_pages,
    language_pages,
    outline_pages,
    processing_pages,
    publish_pages,
    template_pages,
    trigger_pages,
    try_it,
    ui_kit,
    variable_pages,
)

handlers = [
    *flow_pages.handlers,
    *template_pages.handlers,
    *canvas_pages.handlers,
    *form_pages.handlers,
    *completion_pages.handlers,
    *outline_pages.handlers,
    *publish_pages.handlers,
    *general_pages.handlers,
    *variable_pages.handlers,
    *trigger_pages.handlers,
    *language_pages.handlers,
    *intent_pages.handlers,
    *try_it.handlers,
    *channel_pages.handlers,
    *processing_pages.handlers,
    *ui_kit.handlers,
]
