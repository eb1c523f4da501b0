"""`bench` over HTTP: each subject is a server of its own with one worker on a core of its own, asked by wrk."""
