"""What the shelf is like; copied as test_shelf.py."""

from dataclasses import replace

from shelf_stand_in import ShelfStandIn

from syncqueue.testing.conformance import Conformance, ServiceUnderTest


class Shelf(ServiceUnderTest):
    """Pieces of one text follow each other, and say so."""

    name = "shelf"
    handler = "shelf_handler.ShelfHandler"
    stand_in = ShelfStandIn
    secret = {"token": "secret"}
    address, other_address = "top", "bottom"
    finds_lost = True
    patience_seconds = 240  # this machine may be busy with many other tests

    def at(self, url, address=""):
        return f"{url}/{address or self.address}"

    def copies(self, address=None):
        goes_on = {one["id"]: one["fields"]["goes_on"] for one in self.sandbox.state()["services"]["shelf"]["things"]}
        found = []
        for text in super().copies(address):
            if goes_on[text.id] and found:
                first = found.pop()
                text = replace(first, text=f"{first.text} {text.text}")
            found.append(text)
        return found

    def shows(self, copy, text):
        return "".join(copy.text.split()) == "".join(text.split())


class TestShelf(Conformance):
    """All cases."""

    service = Shelf
