"""The small package that the course's notebooks share.

Importing it imports neither torch nor transformers; each module imports what it needs when it needs it.
"""

from .torchvision_hook import install as _install_torchvision_hook

_install_torchvision_hook()
