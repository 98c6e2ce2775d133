"""What accounts holds of a person beside what carries their id by itself."""

from accounts.models import User
from messaging.personal import holds

holds(User, owner="id")
