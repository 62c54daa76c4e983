"""A trained run as a model for other programs: a folder that needs nothing of this suite.

    run.py export runs/ner/gru-s0 --format onnx --output ner/

    ner/
        model.onnx          from arrays of ids and their mask to decoded answers
        vocabulary.json     what the fields learned: words, characters, labels, and how texts are divided
        predict.py          answers texts as `run.py predict` does, without this suite
        README.md           what goes in and out; and, where the run has one, its model card as MODEL_CARD.md

One format per file: onnx.py, litert.py, saved_model.py, keras_file.py, openvino.py; the contract in format.py, the
table in formats.py. TensorFlow traces the model in a process of its own (tracing.py), whatever backend the run was
trained with. Before a folder is written, check.py compares what it answers with what the run answers.
"""
