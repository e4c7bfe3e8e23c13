"""Messenger, for customers of a Facebook page: texts, quick replies, cards, files, places, a persistent menu, receipts."""
