"""The `Idempotency-Key` header: a request that is sent twice is done once and answered twice the same."""
