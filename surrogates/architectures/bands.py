"""Elevation bands of a site as rows of their own: what is told of a site is repeated, what its bands do is averaged."""

from typing import Any

import keras
import tensorflow as tf

Tensor = Any


class _ByBand(keras.layers.Layer):
    """Keeps the number of bands; rows lie site by site, the bands of a site together."""

    def __init__(self, bands: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bands = bands

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "bands": self.bands}


@keras.saving.register_keras_serializable(package="surrogates")
class EachBand(_ByBand):
    """(site, ...) to (site x band, ...), every band the same."""

    def call(self, inputs: Tensor) -> Tensor:
        """Repeat each site."""
        return tf.repeat(inputs, self.bands, axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(site x band, ...)."""
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable(package="surrogates")
class OverBands(_ByBand):
    """(site x band, ...) to (site, ...), the mean of bands of equal area."""

    def call(self, inputs: Tensor) -> Tensor:
        """Average each site's bands."""
        return tf.reduce_mean(_apart(inputs, self.bands), axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(site, ...)."""
        return (None, *input_shape[1:])


@keras.saving.register_keras_serializable(package="surrogates")
class BandShares(_ByBand):
    """(site x band, store) preferences to factors of mean 1 over the bands of a site, so that no water is made."""

    def call(self, inputs: Tensor) -> Tensor:
        """Divide up each site's stores."""
        shares = tf.nn.softmax(_apart(inputs, self.bands), axis=1) * float(self.bands)
        return tf.reshape(shares, tf.shape(inputs))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """As the preferences."""
        return input_shape


def _apart(rows: Tensor, bands: int) -> Tensor:
    """(site x band, ...) as (site, band, ...)."""
    shape = tf.shape(rows)
    return tf.reshape(rows, tf.concat([[shape[0] // bands, bands], shape[1:]], axis=0))
