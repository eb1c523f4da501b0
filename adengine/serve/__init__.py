"""`python -m adengine serve`: boots safely, then keeps the store, the web and the consumer alive."""
