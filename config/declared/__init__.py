"""Every setting, declared once: `setting.py` says how."""
