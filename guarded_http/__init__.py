"""HTTP to addresses that users name: links in tasks, webhooks, models. Public addresses only, whatever the notation."""
