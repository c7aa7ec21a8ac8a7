# SPDX-License-Identifier: ISC
"""OpenSMTPD 6.8 goes on, whatever becomes of the resolver, the state
directory and its clients."""
from labkit import smtpd_survival as survival

survival.run('6.8', survival.killed, survival.stopped, survival.unwritable,
             survival.deleted, survival.left, survival.restarted)
