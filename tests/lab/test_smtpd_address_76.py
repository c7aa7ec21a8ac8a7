# SPDX-License-Identifier: ISC
"""On OpenSMTPD 7.6 our failure at an address delays the mail of others for it
no longer than the guide says."""
from labkit import smtpd_verify, tap

lab = smtpd_verify.start('7.6')
smtpd_verify.fresh_address(lab)
smtpd_verify.used_address(lab)
tap.done()
