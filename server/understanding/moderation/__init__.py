"""What has no place in a chat, or needs a person at once: rude, threatening and sexual words, self-harm, personal data, spam, shouting."""
