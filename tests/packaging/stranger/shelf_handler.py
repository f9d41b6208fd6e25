"""A stranger's handler: texts on a shelf, in pieces of a thousand characters; a repeated key is known to the shelf."""

import httpx

import syncqueue

LIMIT = 1000


class ShelfHandler(syncqueue.DocumentHandler):
    """Keeps a text for each piece of a document."""

    http = None

    async def update(self, job):
        texts, old, new = pieces(job.document.text), list(job.parts), []
        if len(old) == len(texts):
            edits = [(part, {"text": text}) for part, text in zip(old, texts, strict=True)]
            if all([await self.call("PATCH", job.place, part.address, part.id, body) for part, body in edits]):
                return old
        for text in texts:
            body = {"text": text, "key": job.idempotency_key, "goes_on": bool(new)}
            number = await self.call("POST", job.place, job.place.address, body=body)
            new.append(syncqueue.RemotePart(kind="text", id=number, address=job.place.address))
            await job.checkpoint([*new, *old])
        await self.remove(job, old)
        return new

    create = update

    async def delete(self, job):
        await self.remove(job, job.parts)

    async def remove(self, job, parts):
        for part in parts:
            await self.call("DELETE", job.place, part.address, part.id)

    async def preview(self, document, place):
        texts = pieces(document.text)
        return [syncqueue.PreviewPart(kind="text", text=text, length=len(text), limit=LIMIT) for text in texts]

    async def check(self, place):
        await self.call("GET", place, place.address)
        return "The shelf answers."

    def endpoint(self, place):
        return httpx.URL(place.address).netloc.decode()

    async def call(self, method, place, address, number="", body=None):
        """Return the id of the text or shelf; "": there is no such text."""
        self.http = self.http or httpx.AsyncClient(timeout=self.config.attempt_timeout_seconds / 2)
        headers = {"Authorization": f"Bearer {place.secret.get('token')}"}
        url = f"{address}/{number}" if number else address
        try:
            answer = await self.http.request(method, url, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise syncqueue.Unreachable("The shelf cannot be reached.") from error
        except httpx.HTTPError as error:
            raise syncqueue.OutcomeUnknown("The shelf was asked and has not answered.") from error
        if answer.status_code == 404 and number:
            return ""
        if answer.status_code in (401, 403, 404):
            raise syncqueue.DestinationBroken("The shelf refuses the token.")
        if answer.status_code == 429:
            seconds = float(answer.headers["Retry-After"])
            raise syncqueue.RateLimited("The shelf asks to wait.", after_seconds=seconds)
        if answer.status_code >= 500:
            raise syncqueue.Unavailable(f"The shelf answers {answer.status_code}.")
        if answer.status_code >= 400:
            raise syncqueue.PermanentError(f"The shelf answers {answer.status_code}.")
        if method == "DELETE" and answer.status_code == 204:
            return number
        try:
            said = answer.json()["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            said = None
        if not isinstance(said, str):
            raise syncqueue.OutcomeUnknown("The shelf has not said which text it is.")
        return said


def pieces(text):
    if not text:
        raise syncqueue.PermanentError("The shelf takes no empty text.")
    return [text[start : start + LIMIT] for start in range(0, len(text), LIMIT)]
