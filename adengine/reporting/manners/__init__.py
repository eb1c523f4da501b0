"""How the routes of reports answer and describe themselves."""
