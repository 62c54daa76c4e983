"""Generated English sentences, tagged with named entities or with parts of speech, or labelled by what they mention."""

from pipeline.corpora.generated_english.generator import mentions, named_entities, parts_of_speech

__all__ = ["mentions", "named_entities", "parts_of_speech"]
