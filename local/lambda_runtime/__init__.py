"""Lambda on one machine: each function in its own process under AWS's runtime client, behind the Runtime API."""
