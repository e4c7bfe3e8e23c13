"""What SMS and WhatsApp by Twilio share: proof of origin, webhooks, the Messages API, the live check."""
