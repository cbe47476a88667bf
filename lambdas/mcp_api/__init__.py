"""Offers tools and pictures to assistants by the Model Context Protocol: a conversation submits and watches tasks."""
