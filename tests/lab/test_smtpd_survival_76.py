# SPDX-License-Identifier: ISC
"""OpenSMTPD 7.6 goes on, whatever becomes of the resolver, the state
directory and its clients."""
from labkit import smtpd_survival as survival

survival.run('7.6', survival.killed, survival.stopped, survival.unwritable,
             survival.deleted, survival.left, survival.restarted)
