"""The demo: a local page with one tab per run, where a person asks it.

    choice.py       which runs it shows; small ones that are trained first
    question.py     an input for an open run, and what the model computes of it
    steps.py        what each time step of an input stands for
    forms.py        what a visitor fills in: by the input field
    displays.py     how an answer is shown: by the output field
    fragments.py    the answer as HTML: harness/templates/demo.html.j2
    examples.py     inputs to begin with
    page.py         the page, in Gradio
    limits.py       what of a request is refused before Gradio reads it
    server.py       where it is served

forms.py, page.py and server.py need Gradio (requirements-demo.txt); whoever imports them has called
`server.check_installed`.
"""
