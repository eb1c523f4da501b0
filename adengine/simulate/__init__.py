"""`python -m adengine simulate`: days of pages in minutes, through the code that serves real ones."""
