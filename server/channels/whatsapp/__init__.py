"""WhatsApp by Meta's Cloud API: texts, buttons, lists, files, places, approved templates, receipts."""
