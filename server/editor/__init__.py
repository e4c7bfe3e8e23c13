"""The pages on which a flow is drawn, tested and published."""
