"""LinkedIn: comments under a page's posts, mentions of the page, and leads (Community Management and Lead Sync APIs)."""
