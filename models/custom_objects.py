"""All layers, initializers, constraints, losses and optimizers of this suite, for `keras.models.load_model`.

To import this module registers them with Keras, so that a plain Keras program reads the best.keras of any run:

    import keras
    import models.custom_objects

    model = keras.models.load_model("runs/sentiment/simple-s0/best.keras")

A cell of the user's own is registered by the import of the file that defines it.
"""

import models.backends.adam
import models.captioner
import models.cells.indrnn
import models.cells.linear_rnn
import models.classifier
import models.decoding.search
import models.layers.attention
import models.layers.augment
import models.layers.ctc
import models.layers.decoder
import models.layers.embedding
import models.layers.losses
import models.recurrent
import models.transcriber  # noqa: F401
