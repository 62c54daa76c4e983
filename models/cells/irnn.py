"""IRNN: a SimpleRNN that begins as a memory."""

import keras

from models.recurrent import SimpleRNN
from models.saving import PACKAGE
from models.tensor import LayerArgument


@keras.saving.register_keras_serializable(PACKAGE)
class IRNN(SimpleRNN):
    """h_t = relu(x_t W + h_{t-1} U + b), where U begins as the identity and b as 0 (Le et al. 2015, section 2).

    W begins normal with a standard deviation of 0.001. So at first a state adds up what comes in, and its gradient is
    as large many steps earlier as at the end.

    Arguments: those of Keras' SimpleRNN, with other defaults.
    """

    def __init__(
        self,
        units: int,
        *,
        activation: LayerArgument = "relu",
        kernel_initializer: LayerArgument = None,
        recurrent_initializer: LayerArgument = "identity",
        **options: LayerArgument,
    ):
        super().__init__(
            units,
            activation=activation,
            kernel_initializer=kernel_initializer or keras.initializers.RandomNormal(stddev=1e-3),
            recurrent_initializer=recurrent_initializer,
            **options,
        )
