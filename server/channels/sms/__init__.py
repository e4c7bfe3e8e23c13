"""SMS and MMS by Twilio: texts counted in segments, pictures where carriers take them, receipts, opt-outs."""
