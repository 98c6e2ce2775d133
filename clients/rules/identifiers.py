"""Read what tells one client from another: phones and e-mails, as people write them."""

PHONE_REGION = "RU"
"""Where a phone number without a country code is taken to be."""


def normal_phone(text: str) -> str:
    """A phone number in E.164 (`+74951234567`); empty when the text is none."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, PHONE_REGION)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str) -> str:
    """One spelling of an address: no spaces around it, case does not matter."""
    return text.strip().casefold()
