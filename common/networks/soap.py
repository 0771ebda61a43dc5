"""SOAP: Adam in the eigenbasis of the gradients' second moments, for networks with small layers.

Vyas et al., 'SOAP: Improving and Stabilizing Shampoo using Adam' (arXiv:2409.11321). A narrow latent plane
makes the loss ill-conditioned, and Adam slow; in the eigenbasis of a layer's gradients, each direction has its own step
size. The bases of at most 64 x 64 numbers cost less than the training steps that they save.
"""

from collections.abc import Sequence

from common.networks.legacy_keras import keras, tf


class Soap(keras.optimizers.Optimizer):
    """Keras optimizer for dense layers; a bias is a matrix of one column.

    Args:
        learning_rate: Step size of each coordinate of the eigenbasis, a number or a schedule.
        beta_1: Decay of the mean gradient, per step.
        beta_2: Decay of the mean square in the eigenbasis, and of the second moments that define the basis, per step.
        epsilon: Added to the root of the mean square.
        basis_every: Steps between refinements of the basis.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1e-2,
        beta_1: float = 0.95,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        basis_every: int = 20,
        name: str = "Soap",
        **keywords: object,
    ) -> None:
        super().__init__(name=name, **keywords)
        self._learning_rate = self._build_learning_rate(learning_rate)
        self.beta_1, self.beta_2, self.epsilon, self.basis_every = beta_1, beta_2, epsilon, basis_every

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Create the state of each variable: mean gradient, mean square, second moments, bases of rows and columns."""
        super().build(var_list)
        if getattr(self, "_built", False):
            return
        self._built = True
        self._states = []
        for variable in var_list:
            rows, columns = _matrix_shape(variable)
            shapes = {"mean": (rows, columns), "square": (rows, columns)}
            shapes |= {"row_moments": (rows, rows), "row_basis": (rows, rows)}
            shapes |= {"column_moments": (columns, columns), "column_basis": (columns, columns)}
            prefix = variable.name.partition(":")[0]
            self._states.append(
                {name: self.add_variable(shape, name=f"{prefix}/{name}") for name, shape in shapes.items()}
            )

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Take one step; the first one only fills the moments, since no basis is known yet."""
        state = self._states[self._index_dict[self._var_key(variable)]]
        # The gradient of a weight held at zero must not rotate the basis.
        gradient = tf.reshape(gradient * getattr(variable.constraint, "mask", 1.0), _matrix_shape(variable))
        _decay(state["row_moments"], tf.matmul(gradient, gradient, transpose_b=True), self.beta_2)
        _decay(state["column_moments"], tf.matmul(gradient, gradient, transpose_a=True), self.beta_2)
        _decay(state["mean"], gradient, self.beta_1)
        first = tf.equal(self.iterations, 0)
        for side in ("row", "column"):
            moments, basis = state[f"{side}_moments"], state[f"{side}_basis"]
            refined = tf.cond(
                tf.equal(self.iterations % self.basis_every, 0),
                lambda moments=moments, basis=basis: _refined(first, moments, basis),
                lambda basis=basis: tf.identity(basis),
            )
            basis.assign(refined)

        rows, columns = state["row_basis"], state["column_basis"]
        rotated = tf.matmul(rows, tf.matmul(gradient, columns), transpose_a=True)
        _decay(state["square"], tf.square(rotated), self.beta_2)
        step = tf.cast(self.iterations + 1, tf.float32)
        mean = tf.matmul(rows, tf.matmul(state["mean"], columns), transpose_a=True) / (1 - self.beta_1**step)
        square = state["square"] / (1 - self.beta_2**step)
        direction = tf.matmul(rows, tf.matmul(mean / (tf.sqrt(square) + self.epsilon), columns, transpose_b=True))
        size = tf.where(first, 0.0, self.learning_rate)
        variable.assign_sub(size * tf.reshape(direction, variable.shape))

    def get_config(self) -> dict[str, object]:
        """Return the configuration to rebuild the optimizer."""
        return {
            **super().get_config(),
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "basis_every": self.basis_every,
        }


def _matrix_shape(variable: tf.Variable) -> tuple[int, int]:
    rows, *columns = variable.shape
    return rows, columns[0] if columns else 1


def _decay(average: tf.Variable, value: tf.Tensor, beta: float) -> None:
    average.assign(beta * average + (1 - beta) * value)


def _refined(first: tf.Tensor, moments: tf.Tensor, basis: tf.Tensor) -> tf.Tensor:
    """Return the eigenvectors of the moments, largest first; after the first step, by one power iteration."""
    return tf.cond(
        first,
        lambda: tf.reverse(tf.linalg.eigh(moments)[1], [1]),
        lambda: tf.linalg.qr(tf.matmul(moments, basis))[0],
    )
