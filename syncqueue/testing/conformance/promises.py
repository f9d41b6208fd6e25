"""All promises that the suite can test, in the order of the table."""

from __future__ import annotations

from syncqueue.testing.conformance.promise import Promise

# Copies

SHOWN = Promise(
    "A saved object is there once and shows what it says now",
    mend="create(job) brings job.document out once and returns all parts that it has made. update(job) makes job.parts "
    "show job.document as it is now, and returns the parts as they are then.",
)
LONG = Promise(
    "A long text is shown whole, and edited and taken away whole",
    mend="delete(job) takes away every one of job.parts, not the first alone. update(job) makes those that a longer "
    "text needs, takes away those that a shorter one does not need any more, and returns what is left. Nothing of a "
    "text may be cut off.",
)
REMOVED = Promise(
    "What is deleted, in the trash or not for this place is taken away",
    mend="delete(job) takes away every one of job.parts. It returns only when the service has said so.",
)
GONE_ALREADY = Promise(
    "What somebody removed at the service is made anew by an edit, and its deletion is done",
    mend="Where the service knows a part of job.parts no longer (404), delete(job) counts it as done, and update(job) "
    "makes it anew and returns the new part.",
)
VISIBILITY = Promise(
    "A private object is seen by few, also after a change",
    mend="Look at job.document.is_private in create(job) and update(job). Where a copy's visibility cannot be changed, "
    "take it away and make it anew.",
    has_visibility=True,
)
NEVER_PRIVATE = Promise(
    "A private object is never there",
    mend="Where everybody can read what is at the service, the handler's class says takes_private = False.",
    takes_private=False,
)
DESTINATIONS = Promise(
    "A destination that is switched off or removed leaves or takes its copies as asked",
    mend="delete(job) works from job.parts and job.place alone: the object may be gone and job.document is empty.",
)
OTHER_ADDRESS = Promise(
    "At a changed address the object is made anew",
    mend="Give each RemotePart the address it was made at (address=job.place.address), and go by part.address where a "
    "part is edited or taken away.",
    other_address=True,
)

# Responses

REFUSED = Promise(
    "What the service will never take fails with its reason",
    mend="Raise PermanentError with the service's reason for an answer that a repetition cannot change: 400, 422.",
)
CREDENTIAL = Promise(
    "A refused credential stops the destination until somebody mends it",
    mend="Raise DestinationBroken for a refused credential or place (401, 403): all of the destination waits then.",
)
LIMITED = Promise(
    "A 429 is waited out and costs no attempt",
    mend="Where the service answers 429, raise RateLimited(text, after_seconds=...) with the seconds that it asks for. "
    "Do not return as if the work were done, and do not sleep: the queue waits for you.",
)
ERRORS = Promise(
    "An error of the server or an outage is waited out, and nothing is there twice",
    mend="Raise Unreachable where nothing was sent (no connection), Unavailable for 500, 502, 503 and 504 where the "
    "call may be repeated, and RetryLater for other errors of the server. Do not return as if the work were done.",
)
NONSENSE = Promise(
    "An answer that is none fails with a short reason for people, and all is right in the end",
    mend="Check what an answer holds before you use it: cut or deep JSON, other types, a proxy's page, megabytes. "
    "Raise OutcomeUnknown where a create may have been carried out, else RetryLater, with a sentence. An exception "
    "that the handler did not expect shows people a traceback.",
)

# Lost responses

REPEATED = Promise(
    "An edit or a deletion whose answer was lost is made again, and leaves one right copy",
    mend="update(job) and delete(job) may be called again for what they have done: the same content once more, and "
    "a part that is gone already, are no errors.",
)
LOST_FOUND = Promise(
    "A create whose answer was lost is not made twice",
    mend="create(job) may be called again for what it has done. Write under a name of your own (job.key), or send "
    "job.idempotency_key, or look first where job.uncertain is true. Where the service knows none of it: "
    "finds_lost = False, and the setting ON_UNKNOWN_OUTCOME decides.",
    finds_lost=True,
)
LOST_DECIDED = Promise(
    "Where a create's answer was lost, ON_UNKNOWN_OUTCOME decides: once more, or held for a person",
    mend="Raise OutcomeUnknown where a create was sent and no answer came (a timeout while reading, a reset).",
    finds_lost=False,
)
LOST_REMOVED = Promise(
    "A copy that nobody was told of goes with its object",
    mend="Write lost_part(place, source, object_pk): it names the copy by the id of your choosing. Or trace(job) and a "
    "delete(job) that finds the copy by it. Where neither can be: takes_lost_away = False.",
    takes_lost_away=True,
)
LOST_ABSENT = Promise(
    "Where nothing had arrived nothing is left or seen",
    mend="The deletion of a copy that is not there is done: raise nothing, and make nothing.",
    takes_lost_away=True,
    proves_absence=True,
)
LOST_NAMED = Promise(
    "What cannot be found fails with a sentence that says where to look",
    mend="Raise OutcomeUnknown where a create was sent and no answer came, so that somebody is told.",
    takes_lost_away=False,
    keeps_a_trace=False,
)

# Adopted copies, and several places

ADOPTED = Promise(
    "A copy from before syncqueue is edited where it stands",
    mend="job.parts may hold parts that the site named by their ids alone, with default_kind as their kind. Go by "
    "part.id and part.address, and expect nothing of a part that your create(job) alone would know.",
    edits=True,
)
ADOPTED_ANEW = Promise(
    "A copy from before syncqueue makes room for the new one",
    mend="job.parts may hold parts that the site named by their ids alone, with default_kind as their kind. Take them "
    "away once the new copy is there.",
    edits=False,
)
ADOPTED_GONE = Promise(
    "A copy from before syncqueue goes with its object, or with its destination",
    mend="delete(job) takes away every one of job.parts by part.id and part.address, also where the site named it.",
)
ADOPTED_PRIVATE = Promise(
    "The adopted copy of a private object is shown to few",
    mend="update(job) also brings the visibility of an adopted part up to date.",
    has_visibility=True,
    edits=True,
)
SAME_PLACE = Promise(
    "Another spelling of an address is the same place",
    mend="Write identify(place): it returns the service's own unchanging name of the place.",
    other_spelling=True,
)
MOVED = Promise(
    "What is withdrawn after a move is gone at both places",
    mend="delete(job) goes by part.address, not by job.place.address.",
    other_address=True,
)
TIMES = Promise(
    "An object is there from its time until its time",
    mend="create(job) and delete(job) do what they are asked, whatever was there before.",
)
TWO_DESTINATIONS = Promise(
    "Two destinations at one place show an object once",
    mend="Write identify(place) where the address does not name the place, and set address_names_place = False.",
)
TWO_PLACES = Promise(
    "Two places show an object each, and a new owner's place takes it over",
    mend="Go by job.place in create(job), and by part.address in update(job) and delete(job).",
    has_other_place=True,
)

# Pictures

PICTURES = Promise(
    "Pictures are shown, changed and taken away with their text",
    mend="create(job) and update(job) bring job.document.media out with the text, in their order. Parts that are not "
    "wanted any more are taken away. Where the service takes none: takes_media = False.",
    takes_media=True,
)
NO_PICTURES = Promise(
    "An object with pictures has its text shown",
    mend="Leave job.document.media aside where the service takes no pictures: the text goes out.",
    takes_media=False,
)
PICTURES_LOST = Promise(
    "Pictures whose answer was lost are there once",
    mend="What holds for a create holds for each of its requests: a repetition must not add a second picture.",
    takes_media=True,
    finds_lost=True,
)
PICTURES_REMOVED = Promise(
    "Pictures that nobody was told of go with their object",
    mend="lost_part or trace must lead to the pictures too.",
    takes_media=True,
    takes_lost_away=True,
)
PICTURES_ADOPTED = Promise(
    "A copy from before is adopted and shows the pictures",
    mend="update(job) brings pictures out also where job.parts names a text alone.",
    takes_media=True,
    can_be_read=True,
)

# Preview and verify

PREVIEW = Promise(
    "A preview shows what the service then receives",
    mend="Write preview(document, place) with the functions that create(job) makes its requests with; it returns a "
    "PreviewPart for each part, and none where the document is refused. It asks the service nothing.",
)
READ = Promise(
    "The service can be asked what is there",
    mend="read(jobs) returns a CopyState for each job: SAME, OTHER, GONE, or THERE; an exception for one that cannot "
    "be told. It changes nothing. Where the service cannot be asked: can_be_read = False.",
    can_be_read=True,
)
READ_NOT = Promise(
    "Who asks what is there is told that this service cannot be asked",
    mend="Write read(jobs) and say can_be_read = True, or leave both.",
    can_be_read=False,
)
READ_CONTENT = Promise(
    "Another text at the service is told and put right",
    mend="read(jobs) compares what the service shows with job.document and returns CopyState.OTHER where they differ. "
    "Where the service does not tell: tells_content = False.",
    can_be_read=True,
    tells_content=True,
)
READ_ALL = Promise(
    "A copy that no record knows is told and left alone",
    mend="read_all(place, after) returns all that is at a place, a page at a time, as parts with their ids. Where the "
    "service has no list: lists_copies = False.",
    can_be_read=True,
    lists_copies=True,
)
READ_STOPPED = Promise(
    "Asking waits where it is told to, stops in an outage, and goes on from there",
    mend="read(jobs) raises what the other methods raise: RateLimited, Unavailable, Unreachable, DestinationBroken.",
    can_be_read=True,
)
