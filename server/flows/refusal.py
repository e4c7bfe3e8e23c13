"""Why an edit of a draft cannot be done."""


class EditRefused(Exception):
    """An operation that cannot be done; the message says why, in words for the person who draws.

    `field` is the field of the form that holds what is wrong, "" when it is none of them.
    """

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field
