"""The pages on which flows are listed, drawn, tested and published."""

from server.editor import canvas_pages, flow_pages, form_pages, intent_pages, outline_pages, publish_pages, try_it, ui_kit

handlers = [
    *flow_pages.handlers,
    *canvas_pages.handlers,
    *form_pages.handlers,
    *outline_pages.handlers,
    *publish_pages.handlers,
    *intent_pages.handlers,
    *try_it.handlers,
    *ui_kit.handlers,
]
