"""Generated English sentences, tagged with named entities and with parts of speech."""

from pipeline.corpora.generated_english.generator import named_entities, parts_of_speech

__all__ = ["named_entities", "parts_of_speech"]
