"""E-mail: mail comes in by a webhook of the service that takes it, the bot answers by SMTP in the same thread."""
