"""sLSTM: an LSTM with exponential gates."""

from collections.abc import Sequence

import keras
from keras import ops

from models.cells.projected_rnn import ProjectedCell, ProjectedRNN
from models.saving import PACKAGE
from models.tensor import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class SLSTMCell(ProjectedCell):
    """See `SLSTM`."""

    states = 4
    # The normalizer counts steps: bfloat16 has no 257.
    dtype_of_loop = "float32"

    @staticmethod
    def advance(projected: Tensor, product: Tensor, states: Sequence[Tensor], vectors: Sequence[Tensor]) -> tuple:
        _, c, n, m = states
        i, f, z, o = ops.split(projected + product, 4, axis=-1)
        kept = ops.log_sigmoid(f) + m
        # Where there has been no input yet, nothing is kept, and m is still to be found.
        m = ops.where(ops.equal(n, 0), i, ops.maximum(kept, i))
        i, f = ops.exp(i - m), ops.exp(ops.minimum(kept - m, 0.0))
        c, n = f * c + i * ops.tanh(z), f * n + i
        return ops.sigmoid(o) * c / ops.maximum(n, 1.0), c, n, m


@keras.saving.register_keras_serializable(PACKAGE)
class SLSTM(ProjectedRNN):
    """Scalar LSTM, of the xLSTM (Beck et al. 2024, equations 8 to 17), with one head.

        i', f', z', o' = x_t W + h_{t-1} R + b
        m_t = max(log sigmoid(f') + m_{t-1}, i')                   the stabilizer
        i_t = exp(i' - m_t),  f_t = exp(log sigmoid(f') + m_{t-1} - m_t)
        c_t = f_t c_{t-1} + i_t tanh(z')                           the cell state
        n_t = f_t n_{t-1} + i_t                                    the normalizer
        h_t = sigmoid(o') c_t / n_t

    The states are h, c, n and m, all 0 at the start: with n = 0, m_1 = i'. Since one of i_t and f_t is 1, n_t is at
    least 1 from then on. A decoder begins with states out of its context, where n may be any number: the division is by
    max(n_t, 1), which is n_t otherwise.
    """

    cell_class = SLSTMCell
