"""Published worked examples: what the calculations answer for each kind, and how answers are compared."""

from financing.calculations.vectors import loans as loans
from financing.calculations.vectors import rates as rates
from financing.calculations.vectors.checking import Mismatch, Report, differences, verify
from financing.calculations.vectors.registry import KINDS, Answer

__all__ = ["KINDS", "Answer", "Mismatch", "Report", "differences", "verify"]
