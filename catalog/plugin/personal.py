"""Declare what the catalogue holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from catalog import models
from catalog.models import Favourite, SavedSearch
from core.files.kept import LISTS
from core.files.orphans import names_files
from messaging.people.classified import plain
from messaging.people.personal import delete, erase, holds
from messaging.subscriptions import subscribe

holds(SavedSearch, owner="user_id", erase=delete)
holds(Favourite, owner="user_id", erase=delete)

plain(models.Category, "name slug path")
plain(models.Attribute, "key label unit choices")
plain(
    models.Product,
    "sku external_id name currency make model trim vin plate location body fuel transmission drive color description"
    " image_url attributes",
)
plain(models.ScheduledPrice, "actor reason")
plain(models.PriceChange, "currency old_currency actor reason")
plain(models.StockCount, "location reason actor closed_by")
plain(models.ProductImage, "alt renditions")
plain(models.Import, "filename options columns written failure actor file warnings")
plain(models.RowError, "field code detail")
plain(models.OutsidePhoto, "address host error")
plain(models.PriceRevision, "currency reason actor closed_by")
plain(models.StockMovement, "reason actor")
plain(models.Reservation, "reason detail")
plain(models.Acquisition, "number currency")
plain(models.ReservationLine, "vin")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what the catalogue and its log tell of a person: their saved searches and favourites go."""
    erase("catalog", event.user_id)


names_files(models.Import, "file", kind=LISTS, folder="imports")
