"""All layers, initializers, constraints, losses and optimizers of this suite, for `keras.models.load_model`.

To import this module registers them with Keras, so that a plain Keras program reads the best.keras of any run:

    import keras
    import models.custom_objects

    model = keras.models.load_model("runs/sentiment/simple-s0/best.keras")

A cell of the user's own is registered by the import of the file that defines it.
"""

import models.attention
import models.augment
import models.captioner
import models.classifier
import models.ctc
import models.decoder
import models.inputs
import models.linear
import models.losses
import models.optimizers
import models.plain
import models.recurrent
import models.search
import models.transcriber  # noqa: F401
