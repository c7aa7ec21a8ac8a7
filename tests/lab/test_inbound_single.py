# SPDX-License-Identifier: ISC
"""Every fault and every kind of sender, "require verify = sender": mail comes
in as without the plugin."""
from labkit import strangers

strangers.run('single')
