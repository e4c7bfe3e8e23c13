"""WhatsApp by Twilio: texts, buttons and lists by Content resources, files, places, approved templates, receipts."""
