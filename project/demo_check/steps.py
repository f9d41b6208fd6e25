"""The steps of the story: each docstring says what happens; the step checks what must hold at its end."""

import time

from .judge import judge
from .sandbox import SERVICES
from .story import FOR_ALL, SETTLE_SECONDS, Step, Story, StoryFailed

Lines = list[str]
PLACE_OF = {"telegram": "@news"}  # every other service has one place with its own name


def note_goes_out(story: Story) -> Lines:
    """A note is saved in the admin and appears on every service within a second."""
    started = time.monotonic()
    seconds = story.write()
    message = story.see(1)
    for place in ("mastodon", "bluesky", *FOR_ALL):
        story.see(1, place)
    total = time.monotonic() - started
    return [
        f"saved in {seconds:.2f} s: message {message.id} of @news, on Mastodon and Bluesky, in the index, at the "
        f"webhook; {total:.2f} s from the click"
    ]


def rules(story: Story) -> Lines:
    """Private notes go to @drafts, tagged notes also to @tagged; the index and the webhook receive all notes."""
    story.travel = story.site.add_tag("travel")
    story.write(is_private=True)
    story.write(is_tagged=True)
    story.write(is_markdown=True)
    return [story.settle()]


def edit(story: Story) -> Lines:
    """An edit changes the existing message."""
    before = story.see(1)
    seconds = story.edit(1, "was edited")
    after = story.see(1)
    if (after.id, after.edit_count) != (before.id, 1):
        raise StoryFailed(f"Message {before.id} should be edited once, not {after}.")
    return [f"edited in {seconds:.2f} s: still message {after.id}, edited {after.edit_count} time"]


def one_away(story: Story) -> Lines:
    """Each service is switched off in turn: the others keep working, and its notes follow when it is back."""
    lines = []
    for service in SERVICES:
        story.sandbox.turn("down", service)
        story.write()
        for place in {"@news", "mastodon", "bluesky", *FOR_ALL} - {PLACE_OF.get(service, service)}:
            story.see(story.numbers, place)
        waiting = story.waiting(service)
        if not waiting:
            raise StoryFailed(f"{service} is down, but nothing waits in its queue.")
        lines.append(f"{service} down: note {story.numbers} is on all others, and {waiting} waits")
        story.sandbox.turn("up", service)
    return [*lines, story.settle()]


def outage(story: Story) -> Lines:
    """All services are switched off; users keep saving, editing and deleting."""
    story.sandbox.turn("down")
    before = story.shown()
    first = story.numbers + 1
    seconds = [story.write(is_private=number % 4 == 3, is_tagged=number % 4 == 1) for number in range(8)]
    seconds += [story.edit(number, "was edited while all was away") for number in (1, 2, 3, first)]
    seconds += [story.delete(number) for number in (4, first + 1)]
    seconds.append(story.edit(1, "was edited twice while all was away"))
    if story.shown() != before:
        raise StoryFailed("The channels changed although all services are down.")
    return [
        f"8 notes saved, 5 edited, 2 deleted (one was out, one was not); longest save {max(seconds):.2f} s",
        story.figures(),
    ]


def recovery(story: Story) -> Lines:
    """The services are back: all places show the current notes, automatically."""
    story.sandbox.turn("up")
    return [story.settle()]


def answer_lost(story: Story) -> Lines:
    """Each service stores an edit, and its response is lost: nothing is posted again."""
    before = story.see(1)
    story.sandbox.turn("store-then-reset")
    seconds = story.edit(1, "was edited while answers got lost")
    story.sandbox.turn("up")
    line = story.settle()
    after = story.see(1)
    if after.id != before.id:
        raise StoryFailed(f"Message {before.id} became message {after.id}.")
    return [f"edited in {seconds:.2f} s, still message {after.id}", line]


def hanging(story: Story) -> Lines:
    """All services accept connections but do not respond: saves do not hang."""
    story.sandbox.turn("hang")  # stores the edit, but does not respond
    seconds = [story.edit(1, "was edited while all hung")]
    story.sandbox.turn("hang-before")  # does not even read
    seconds += [story.write() for _ in range(3)]
    line = f"1 note edited, 3 saved, longest save {max(seconds):.2f} s; {story.figures()}"
    story.sandbox.turn("up")
    return [line, story.settle()]


def rate_limit(story: Story) -> Lines:
    """Every service responds with 429: notes wait as long as it asks for."""
    story.sandbox.turn("limited", retry_after=2)
    seconds = [story.write() for _ in range(3)]
    line = f"3 notes saved, longest {max(seconds):.2f} s; {story.figures()}"
    story.sandbox.turn("up")
    return [line, story.settle()]


def worker_killed(story: Story) -> Lines:
    """The worker is killed (SIGKILL) during attempts; another worker takes over."""
    story.sandbox.turn("down")
    for _ in range(4):
        story.write()
    story.sandbox.turn("hang-before")
    story.retried(
        lambda: story.queue()["processing"] > 0,
        otherwise=lambda: f"an attempt of the worker; {story.figures()}",
        seconds=SETTLE_SECONDS,
    )
    count = story.queue()["processing"]
    pid = story.demo.worker.pid
    story.demo.worker.kill()
    story.sandbox.turn("up")
    story.demo.start_worker()
    return [f"killed process {pid} with {count} tasks in processing", story.settle()]


def redis_away(story: Story) -> Lines:
    """Redis is stopped: a note is still sent immediately; another is saved with the services down too; both return."""
    story.demo.stop_redis()
    seconds = [story.write()]
    message = story.see(story.numbers)
    story.sandbox.turn("down")
    seconds.append(story.write())
    story.sandbox.turn("up")
    story.demo.start_redis()
    return [
        f"without Redis: in @news as message {message.id}; longest save {max(seconds):.2f} s",
        story.settle(),
    ]


def redis_emptied(story: Story) -> Lines:
    """Redis is emptied while notes wait: the database knows what is missing."""
    story.sandbox.turn("down")
    for _ in range(3):
        story.write()
    before = story.figures()
    story.demo.empty_redis()
    story.sandbox.turn("up")
    return [f"3 notes saved; {before}", f"after FLUSHALL: {story.figures()}", story.settle()]


def verdict(story: Story) -> Lines:
    """The log of the sandbox shows that nothing was posted twice."""
    seen = judge(story.sandbox.log())
    if seen.doubled:
        raise StoryFailed(f"Posted more than once: {seen.doubled}")
    return [
        f"{story.save_count} saves and deletions; {seen.request_count} requests, of which "
        f"{seen.stored_count} changed something and {seen.unanswered_count} were never answered",
        f"{seen.created_count} created, 0 twice: "
        + ", ".join(f"{service} {count}" for service, count in seen.created_by_service),
    ]


STEPS: tuple[Step, ...] = (
    note_goes_out,
    rules,
    edit,
    one_away,
    outage,
    recovery,
    answer_lost,
    hanging,
    rate_limit,
    worker_killed,
    redis_away,
    redis_emptied,
    verdict,
)
