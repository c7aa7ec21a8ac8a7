# SPDX-License-Identifier: ISC
"""What tests in the lab are written with; see README.md."""
