"""Published worked examples: what the calculations answer for each kind, and how answers are compared."""

from financing.rules.calculations.vectors import loans as loans
from financing.rules.calculations.vectors import rates as rates
from financing.rules.calculations.vectors.checking import Mismatch, Report, differences, verify
from financing.rules.calculations.vectors.registry import KINDS, Answer

__all__ = ["KINDS", "Answer", "Mismatch", "Report", "differences", "verify"]
