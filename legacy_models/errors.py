"""Every exception of the project; the command line maps the four branches to exit statuses."""


class ProjectError(Exception):
    """A failure with one clear line for the user; raised as is, it means a failure at run time."""


class UsageError(ProjectError):
    """The configuration, a name or an argument is wrong."""


class UnknownNameError(UsageError):
    """A name that is in no table, or a configuration key that does not exist."""


class ParameterError(UsageError):
    """A parameter's range, default or value is not possible."""


class DataError(ProjectError):
    """The user's data break a rule that is stated in the message."""


class ShapeError(DataError):
    """Two arrays that must agree in shape do not."""


class GateError(ProjectError):
    """A result is not good enough to pass the gate that the message names."""


class LegacyModelError(ProjectError):
    """A legacy model cannot be run, or its output cannot be used."""


class StoreError(ProjectError):
    """The run store is damaged, locked, or written by a newer version."""


class BundleError(ProjectError):
    """A saved surrogate or network is damaged, unsafe, or does not fit the request."""


class TrainingError(ProjectError):
    """Training cannot go on: a loss or gradient is not finite."""


class RegistryError(ProjectError):
    """The model registry cannot be reached or does not hold what was asked for."""
