"""The shelf, as its makers describe it."""

from syncqueue.testing.sandbox import JsonService, answer


class ShelfStandIn(JsonService):
    """Texts by number on shelves by name. A key that was used on a shelf is answered with the text it made."""

    name = "shelf"
    calls = {
        "POST /{place}": "create",
        "PATCH /{place}/{id}": "edit",
        "DELETE /{place}/{id}": "delete",
        "GET /{place}": "look",
    }

    def check(self, asked):
        return None if asked.headers.get("authorization") == "Bearer secret" else answer(401, {"error": "token"})

    def create(self, asked):
        place, body = asked.path["place"], asked.body
        for thing in self.things.values():
            if (thing.place, thing.fields["key"]) == (place, body["key"]):
                return answer(200, {"id": thing.id})
        thing = self.keep(place, body["text"], key=body["key"], goes_on=body["goes_on"])
        return answer(201, {"id": thing.id}, stored=True)

    def edit(self, asked):
        thing = self.things.get(asked.path["id"])
        if thing is None:
            return answer(404, {"error": "no such text"})
        thing.text = asked.body["text"]
        return answer(200, {"id": thing.id}, stored=True)

    def delete(self, asked):
        known = self.things.pop(asked.path["id"], None)
        return answer(204, stored=True) if known else answer(404, {"error": "no such text"})

    def look(self, asked):
        return answer(200, {"id": asked.path["place"]})
