"""Serving: trained runs over HTTP.

    limits.py       what one request may ask for, and how many may wait
    refusal.py      why a request is not answered: an HTTP status and one message
    served_run.py   one run: its questions as arrays, and their answers
    programs.py     the few shapes of batches that are compiled before the first request
    requests.py     the inputs in a request: a JSON list, or uploaded files
    batcher.py      the questions of many requests put together
    keras_thread.py the one thread that calls Keras
    service.py      the runs that are served, and whether they are loading, ready or stopping
    metrics.py      what is counted, for Prometheus
    app.py          the paths, with FastAPI
    gate.py         what is done around every request: limits, counting, refusing other hosts, and while it stops
    hosts.py        the names by which a server may be asked
    protocol.py     HTTP itself, where a request is none
    server.py       the socket, the signals, the end

A request is read and encoded where it arrives, put into the queue of its run, and answered together with those that
wait beside it, by a thread that does nothing else than call Keras.
"""
