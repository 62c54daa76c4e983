"""Fields: one side of an example as arrays, and back.

The contract is in field.py; inputs/ and outputs/ have one field per file. All are imported from here.

A field is fitted on the training examples only and saved as JSON with the run. It is the only place that knows which
id a word has, and what stands for padding and for whatever was not in the training data.
"""

from pipeline.fields.array import UNSEEN, Array, Arrays
from pipeline.fields.field import (
    LEARNED,
    AlignedField,
    AutoregressiveField,
    InputField,
    OutputField,
    TagField,
    inherit,
    is_aligned,
    is_autoregressive,
    reconfigure,
    restore,
    save,
)
from pipeline.fields.inputs.category import Category
from pipeline.fields.inputs.draft import Draft
from pipeline.fields.inputs.history import History
from pipeline.fields.inputs.image import Image
from pipeline.fields.inputs.pixels import Pixels
from pipeline.fields.inputs.prompt import Prompt
from pipeline.fields.inputs.series import Series
from pipeline.fields.inputs.sound import Sound
from pipeline.fields.inputs.source_text import SourceText
from pipeline.fields.inputs.text import Text
from pipeline.fields.inputs.time_series import TimeSeries
from pipeline.fields.inputs.tokens import Tokens
from pipeline.fields.inputs.words_so_far import WordsSoFar
from pipeline.fields.outputs.corrections import Corrections
from pipeline.fields.outputs.histogram import Histogram
from pipeline.fields.outputs.horizon import Horizon
from pipeline.fields.outputs.label import Label
from pipeline.fields.outputs.labels import Labels
from pipeline.fields.outputs.next_word import NextWord
from pipeline.fields.outputs.number import Number
from pipeline.fields.outputs.passages import Passages
from pipeline.fields.outputs.tags import Tags
from pipeline.fields.outputs.target_text import TargetText
from pipeline.fields.outputs.transcript import Transcript
from pipeline.fields.picture import Picture
from pipeline.fields.signal import Signal
from pipeline.fields.vocabulary import Vocabulary

__all__ = [
    "LEARNED",
    "UNSEEN",
    "AlignedField",
    "Array",
    "Arrays",
    "AutoregressiveField",
    "Category",
    "Corrections",
    "Draft",
    "Histogram",
    "History",
    "Horizon",
    "Image",
    "InputField",
    "Label",
    "Labels",
    "NextWord",
    "Number",
    "OutputField",
    "Passages",
    "Picture",
    "Pixels",
    "Prompt",
    "Series",
    "Signal",
    "Sound",
    "SourceText",
    "TagField",
    "Tags",
    "TargetText",
    "Text",
    "TimeSeries",
    "Tokens",
    "Transcript",
    "Vocabulary",
    "WordsSoFar",
    "inherit",
    "is_aligned",
    "is_autoregressive",
    "reconfigure",
    "restore",
    "save",
]
