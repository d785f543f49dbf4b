"""What can go wrong, as one short tree.

PipelineError
├── TransientError        try again: the world did not answer this time
├── ConfigurationError    a person must edit something
└── ContractError         another room broke a promise

A gate that says no returns a verdict; it raises none of these. They mean that the answer
could not be found out, which is never a pass.
"""


class PipelineError(Exception):
    """The answer could not be found out. The message says what, to which thing, and what next."""


class TransientError(PipelineError):
    """The world did not answer; the same call may succeed later."""


class ConfigurationError(PipelineError):
    """A person must edit a project file, a setting or the data's address."""


class ContractError(PipelineError):
    """Something stored or served is not what was promised: a changed file, a torn record."""
