"""All layers, initializers, constraints, losses and optimizers of this suite, for `keras.models.load_model`.

To import this module registers them with Keras, so that a plain Keras program reads the best.keras of any run:

    import keras
    import models.custom_objects

    model = keras.models.load_model("runs/sentiment/simple-s0/best.keras")

A cell of the user's own is registered by the import of the file that defines it.
"""

import models.backends.adam
import models.captioner
import models.cells.baselines
import models.cells.chrono
import models.cells.delta
import models.cells.indrnn
import models.cells.irnn
import models.cells.layer_norm
import models.cells.linear_rnn
import models.cells.peephole
import models.cells.slstm
import models.corrector
import models.decoding.ctc
import models.decoding.viterbi
import models.layers.attention
import models.layers.block
import models.layers.carry
import models.layers.conditional_random_field
import models.layers.decay
import models.layers.decoder
import models.layers.dropout
import models.layers.embedding
import models.layers.forecasting
import models.layers.locked_dropout
import models.layers.losses
import models.layers.mean_embedding
import models.layers.ngrams
import models.layers.ordinal
import models.layers.pooling
import models.layers.random_changes
import models.layers.subsample
import models.layers.tied_embedding
import models.layers.word_dropout
import models.recurrent  # noqa: F401
