"""The templates of all sentences that are stored as reasons, for translators; `reasons` matches stored texts with them.

A placeholder whose name begins with "reason" contains another reason, "reasons" several with semicolons and "items"
several with commas. The values of other placeholders are shown unchanged, such as messages of services. A unit test
searches the code for sentences that are missing here.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

TEXTS: tuple[str, ...] = (
    # Sentences around another reason. These are tried first, because the inner reason may be of any kind.
    _("%(reason)s (gave up after attempt %(attempt)s)"),
    _("%(reason)s Enter it as the address."),
    _("%(reason)s It is looked for at the next attempt."),
    _("%(reason)s The message may be there or not."),
    _("%(reason)s The message that was there has been taken away."),
    _("%(reason)s It may be: %(links)s."),
    _(
        "%(reason)s The text is too long for a message, and there is no page to point to: allow the bot to send "
        "files, or give the object an address (Document.url)."
    ),
    _("%(reason)s It wants no more events: enter another address, or remove the destination."),
    _("%(reason)s Enter the secret that the receiver checks signatures with."),
    _("%(reason)s A redirect is never followed: enter its real address."),
    _("%(reason)s A redirect is never followed."),
    _("%(reason)s It is a page of HTML: is the address right, and the receiver running?"),
    _("%(reason)s. Enter a valid access token of the account."),
    _(
        "%(reason)s. The access token needs the scopes read:accounts, read:statuses, write:statuses and "
        "write:media, and its account must not be suspended."
    ),
    _("%(reason)s. Are the destination's user name and password right?"),
    _("%(reason)s. The document is larger than the server or a proxy in front of it takes."),
    _("%(reason)s. A redirect is not followed: enter the server's own address in OPTIONS['URL']."),
    # Attempts.
    _("Another attempt is running."),
    _("Another attempt has taken over."),
    _("An attempt was interrupted after it may have sent this; check before you send it again."),
    _("The worker died or was stopped during the attempt."),
    _("The worker crashed several times during its attempts."),
    _("No answer within %(seconds)s s; it is not known whether it was carried out."),
    _("No answer within %(seconds)s s."),
    _("Given up with another of its batch; it is not known whether this was carried out."),
    _("%(name)s is switched off."),
    _(
        "%(name)s is not declared in the settings of the process that tried this (SYNCQUEUE['DESTINATIONS']); a "
        "process that declares it posts this."
    ),
    _("%(name)s could not be prepared: %(reason)s"),
    _("%(source)s is not registered with syncqueue (any more)."),
    _(
        "A copy may be left at %(place)s: its id was never learned, and it is not wanted any more. Look there, "
        "remove it by hand, then delete this task."
    ),
    _(
        "A copy at %(address)s, where it is not wanted any more, could not be removed: %(reason)s Remove it by "
        "hand: %(links)s"
    ),
    _("a copy whose answer was lost"),
    _("the credential is not for that host."),
    _("A copy from before may be left at %(name)s (%(address)s): %(reason)s"),
    _("Saved while muted."),
    _("Deleted while muted: its copies stay."),
    _("Cleared by %(actor)s."),
    _("Cleared by %(actor)s. %(reason)s"),
    _("Paused by %(actor)s."),
    _("Paused."),
    _("It was stopped manually."),
    _("Another verification of this destination has begun."),
    _("%(endpoint)s is away or out of order; this goes out by itself when it is back."),
    _("The service asked to wait; this is sent automatically afterwards."),
    _("Many others of the same owner or destination are being sent; this is sent after them."),
    _("The destination is refused by the service, or disabled; this is sent when that is fixed."),
    _("Held by %(name)s."),
    _("The database does not answer: %(said)s"),
    # Queues.
    _("The task cannot be read: %(reason)s"),
    _("unknown version %(found)s; this code reads version %(known)s."),
    _("%(name)s has no time zone; use django.utils.timezone.now() or an aware datetime."),
    _("%(name)s: expected a text of 1 to %(most)s characters, got %(found)s."),
    _("priority: expected one of %(known)s, got %(found)s."),
    _("payload: expected a dict, got %(found)s."),
    _("key: expected 1 to 150 letters, digits or one of : . _ ~ @ + - , got %(found)s."),
    _(
        "id: expected 1 to 150 letters, digits or one of : . _ ~ @ + - , not beginning with %(prefix)s, got "
        "%(found)s; leave it empty to have one generated."
    ),
    _("%(name)s: expected an aware datetime, got %(found)s."),
    _("%(name)s: expected a time from 1970 to 2286, got %(found)s."),
    _("%(name)s: expected a lower-case name (letters, digits, - and _, at most 50), got %(found)s."),
    _("%(path)s...: nested too deeply, or contains itself."),
    _("%(path)s: the key %(name)s is not a string."),
    _("%(path)s: %(type)s is not JSON; use strings, numbers, booleans, lists and dicts."),
    _("Tasks in processing are left alone; they end or their lease runs out."),
    _("%(task)s is being worked on; try again when it is done."),
    _("The lease of %(task)s ran out and the task was taken back."),
    _(
        "The queue of %(service)s in this Redis belongs to another database (site %(other)s; this database is "
        "site %(own)s). Give each site its own SYNCQUEUE['KEY_PREFIX'] (now %(prefix)s) or its own Redis "
        "database; if this database is meant to take the queue over, run: manage.py syncqueue adopt-queue"
    ),
    _("A JSON object was expected, not a %(type)s."),
    _("Redis is full (maxmemory): the queue of %(service)s cannot take more."),
    _("Redis does not answer for the queue of %(service)s: %(said)s"),
    _("Redis refused an operation on the queue of %(service)s: %(said)s"),
    # Code of the site.
    _("it returns a %(found)s, where a %(wanted)s is expected"),
    _("it returns a user that is not saved yet"),
    _("it returns %(found)s, where objects of %(wanted)s are expected"),
    _('it returns %(found)s, where a text such as "example.org:443" is expected'),
    _("it returns something else than a text without blanks"),
    _("it must return one CopyState for each of the %(count)s jobs"),
    _("%(class)s.document() answered %(found)s, no Document."),
    _("%(class)s.at() answered %(found)s; expected a Document or None."),
    _("%(reason)s What is there stays as it is: %(copies)s"),
    _("%(name)s is %(value)s; expected an aware datetime, a date or None."),
    _("%(type)s was returned by existing_remote(): expected %(reason)s."),
    _("an id, a RemotePart, a list of them or None"),
    _("%(object)s: %(call)s raised %(reason)s"),
    _("%(object)s: %(class)s.the row cannot be read raised %(reason)s"),
    _("%(object)s: %(class)s.the record cannot be written raised %(reason)s"),
    _("%(value)s is no key of %(model)s, whose key is a %(field)s"),
    _("%(label)s: its key is longer than %(count)s characters."),
    _("%(service)s takes no copies of objects: %(class)s does other tasks."),
    _("Document.%(name)s: expected a text, got %(found)s."),
    _("Document.format: expected 'plain' or 'markdown', got %(found)s."),
    _("Document.is_private: expected True or False, got %(found)s."),
    _("Document.fields: expected a dict with names as keys, got %(found)s."),
    _("Document.%(name)s: expected a tuple of %(reason)s, got %(found)s."),
    _("Media.%(name)s: expected a text, got %(found)s."),
    _("Media.kind: expected one of %(known)s, got %(found)s."),
    _("Media: give either url or file."),
    _(
        "Media.url: %(value)s is not absolute: it has no https:// and host. Build it with the site's address, or "
        "give the field itself: Media(file=obj.photo)."
    ),
    _("Media.file: expected the value of a FileField or ImageField, got %(found)s."),
    _("Media.file: the field is empty: leave the medium out, as in `if obj.photo`."),
    _("The storage of %(name)s has not delivered it within %(seconds)s s."),
    _("%(name)s: the file is larger than %(count)s bytes."),
    _("%(name)s: there is no such file in its storage (%(error)s)."),
    _("The storage of %(name)s fails (%(error)s)."),
    _("texts"),
    _("texts or Media"),
    _("document() has fields that are no JSON: %(said)s"),
    _("It is too large to be synced: %(items)s."),
    _("%(found)s characters (at most %(most)s)"),
    _("%(found)s tags (at most %(most)s)"),
    _("%(found)s pictures and other media (at most %(most)s)"),
    _("%(class)s syncs records; the task %(task)s names none."),
    _("%(class)s does one task at a time."),
    _("%(class)s does one job at a time."),
    _("%(class)s cannot look at copies."),
    _("%(name)s answered a %(type)s where a list of RemotePart is expected."),
    _("%(name)s must answer for each of the %(count)s it is given, in order; it answered %(found)s."),
    _("A handler answers a SyncResult or None, not a %(type)s."),
    _("Something that the handler waited for was cancelled."),
    _("The handler of %(service)s was closed while a call waited for a thread."),
    _("a handler's call raised StopIteration"),
    _("read() looks at copies; it stores no parts."),
    _("%(setting)s cannot be made: %(reason)s"),
    _("%(class)s lacks %(methods)s; every handler has them."),
    _("The service %(service)s needs a library: %(command)s"),
    # Secrets.
    _("The stored secret was entered for another %(what)s. Enter the secret again."),
    _(
        "A stored secret cannot be decrypted: it was encrypted with another key. Add the old key to "
        "SECRET_KEY_FALLBACKS (or SYNCQUEUE['ENCRYPTION_KEYS']), or enter the secret again."
    ),
    # Connections, with the most frequent messages of operating systems.
    _("%(endpoint)s cannot be reached: %(reasons)s."),
    _("its name was not resolved within %(seconds)s s"),
    _("its name cannot be resolved (%(reason)s)"),
    _("IPv4 %(ip)s: %(reason)s"),
    _("IPv6 %(ip)s: %(reason)s"),
    _("during the attempt: %(reason)s"),
    _("not resolved within %(seconds)s s"),
    _("no answer within %(seconds)s s"),
    _("not tried because it is not a public address"),
    _("reachable now"),
    _("timed out"),
    _("TLS failed (%(said)s)"),
    _("connection refused"),
    _("connection reset by peer"),
    _("network is unreachable"),
    _("no route to host"),
    _("Name or service not known"),
    _("Temporary failure in name resolution"),
    _("No address associated with hostname"),
    _("it has no address of the allowed family"),
    _("%(host)s cannot be connected to: %(reason)s"),
    _("%(host)s is no name of a host: %(said)s"),
    _("%(host)s is an IPv6 address, and FORCE_IPV4 is set."),
    _(
        "%(host)s has no public address, so it is not called. To allow it, an administrator adds it with its port"
        " to SYNCQUEUE['ALLOWED_PRIVATE_HOSTS']; the log names the address."
    ),
    _("It redirects more than %(count)s times."),
    _("%(host)s redirects to an invalid URL."),
    _("This URL cannot be fetched: %(reason)s"),
    _("%(host)s: only https URLs are fetched."),
    _("%(host)s returns %(status)s."),
    _("%(host)s returns a compressed body, which was not requested."),
    _("%(host)s: the body is larger than %(count)s bytes."),
    _("%(host)s: the request took longer than %(seconds)s s."),
    _("%(host)s could not be reached (%(error)s)."),
    _("expected a URL such as 'https://example.org/', without user and password."),
    # Telegram.
    _("Telegram answers %(status)s: %(reason)s"),
    _("no Bot API answer"),
    _("The file is too large. %(reason)s"),
    _("The Bot API server is set up for other bots (API_BASE_URL). %(reason)s"),
    _("The group has become a supergroup; its address is %(address)s now."),
    _("Telegram does not let the bot into the chat: %(said)s"),
    _("Telegram answers that the bot is in use elsewhere: %(said)s"),
    _("The Bot API server is not set up well: %(said)s"),
    _("Telegram refuses the bot token: enter the one that @BotFather shows. (%(said)s)"),
    _("The bot is logged out of this Bot API server: see logOut in its documentation. %(said)s"),
    _("Telegram refuses to post there: %(said)s"),
    _("Telegram refuses this: %(said)s"),
    _("All connections to Telegram are waiting for answers; nothing was sent."),
    _("Telegram cannot be reached (%(error)s: %(said)s)."),
    _("Telegram's answer was lost (%(error)s): the message may be there or not."),
    _("Telegram's answer was lost (%(error)s)."),
    _("%(id)s is not the number of a Telegram message."),
    _("What answers at %(endpoint)s is no Bot API: its result cannot be read (%(error)s)."),
    _("The destination has no bot token: enter the one that @BotFather shows."),
    _("The text has no visible content: it is empty, or consists of comments. Telegram accepts no empty messages."),
    _(
        "A copy may be left at %(place)s (%(address)s): the answer to its creation was lost, and it is not wanted"
        " any more. %(reason)s Look there, remove it by hand, then delete this task."
    ),
    _("What stands at the number %(id)s in %(place)s is not the bot's own: %(reason)s."),
    _("ours, a text"),
    _("ours, a file"),
    _("not ours"),
    _("gone"),
    _("unknown"),
    _("Telegram neither deletes nor edits this message any more: remove it by hand (%(where)s)."),
    _(
        "The text has comments and more than %(count)s characters, which is too much to take them out of: shorten"
        " it, or remove the comments."
    ),
    _("%(address)s is another chat now."),
    _("Too much was posted there since: %(count)s numbers were looked at."),
    _("No message of the chat is known, so it may be behind the ids that were looked at."),
    _("Its first message numbers are unused, so it is unknown what was posted there before."),
    _("Some message numbers could not be checked."),
    _("The bot may edit the messages of others there, so the author is unknown."),
    _("Other programs post with this bot there, so it may be theirs."),
    _("The response to its creation was lost; the message is being searched for."),
    _(
        "The response to its creation was lost, and the message has not been found so far; it is searched for once "
        "more."
    ),
    _("Telegram's answer was lost, and it cannot be told whether the message is there: %(reason)s"),
    _("its trace was written by another version."),
    _("the destination's option find_lost is off."),
    _("The messages change while they are edited."),
    _("None of its pictures can be loaded, and it has no text."),
    _("There is no time left in this attempt to load it."),
    _("The message that was there has been taken away."),
    _("It is an album, and it cannot be told which messages are its own."),
    _("Several messages may be it."),
    _(
        "Telegram's answer was lost. It is there as %(message)s, and may be there twice: %(links)s. %(reason)s "
        "Look there: adopt the message that is this one, or remove it by hand; then try again."
    ),
    _(
        "Telegram's answer was lost. It may be there: %(links)s. %(reason)s Look there: adopt the message that is"
        " this one, or remove it by hand; then try again."
    ),
    _(
        "In “%(chat)s” the bot lacks the right to post messages: give it to the bot in the channel's list of "
        "administrators."
    ),
    _("In “%(chat)s” the bot lacks the right to send messages: an administrator has restricted it."),
    _("In “%(chat)s” members lack the right to send messages: make the bot an administrator, or allow it to all."),
    _("The bot is not in “%(chat)s”: add it there, to a channel as an administrator who may post messages."),
    # Mastodon.
    _("The instance answers %(status)s: %(said)s"),
    _("The instance answers %(status)s."),
    _("The instance answers with something that is no answer of the Mastodon API."),
    _("Something that is no Mastodon API answers %(status)s (a proxy's page?)."),
    _("The instance answers with a redirect (%(status)s), which is never followed: enter its real address."),
    _("The instance's answer was lost (%(error)s)."),
    _("The address is no instance, such as https://mastodon.social."),
    _("The destination has no access token: enter one from the account's settings."),
    _("It was posted to another instance: remove it by hand (%(where)s)."),
    _("There is more to do than one attempt has time for; it continues soon."),
    _("The text is empty, and Mastodon accepts no empty statuses."),
    _(
        "The text is too long: it takes more than %(count)s statuses of %(room)s characters, or has more than "
        "%(most)s characters in all. Shorten it, or set the destination's option over_limit to link."
    ),
    _("The instance did not process an uploaded picture in time."),
    _("Pictures of other notes are being loaded; this note is next."),
    _(
        "An answer was lost, and the status may be there or not: the account has too many newer statuses to look "
        "through. Look there; if it is there, adopt it."
    ),
    _("An answer was lost, and the status may be there or not: %(reason)s, so the account's statuses cannot be read."),
    _(
        "The instance made a status %(found)s that was to be %(wanted)s; it was deleted at once. Choose another "
        "visibility for the destination, or another instance."
    ),
    _("The response is compressed, which was not requested."),
    _("The answer is larger than %(count)s bytes."),
    # Bluesky, and sessions.
    _("The server answers %(status)s: %(said)s."),
    _("The server answers %(status)s."),
    _("%(said)s Look at the account, and enter an app password of it."),
    _("The server answers with something that is no AT Protocol."),
    _("Something that is no AT Protocol answers %(status)s (a proxy's page?)."),
    _("The server answers with a redirect, which is never followed: enter its real address."),
    _("The server's answer was lost (%(error)s)."),
    _("The address is no account, such as name.bsky.social."),
    _("The destination has no app password: enter one from the account's settings."),
    _("The account is deactivated. Activate it in its settings."),
    _("The server has opened another account than the one of this address."),
    _("There is no such record."),
    _("It was posted by another account: remove it by hand (%(where)s)."),
    _("Another record is at each key that was tried."),
    _("The picture of the text cannot be made small enough."),
    _("The text is empty, and so would the post be."),
    _(
        "The text is too long: it takes more than %(count)s posts of %(room)s characters, or has more than %(most)s "
        "characters in all. Shorten it, or set the destination's option over_limit to link."
    ),
    _("Another process is renewing the session; this continues soon."),
    _("The session could not be read or stored (%(error)s)."),
    # Manticore Search.
    _("Manticore answers %(status)s: %(reason)s."),
    _("it is not Manticore's own answer but a proxy's page, or empty"),
    _("no reason given"),
    _("Manticore at %(endpoint)s cannot be reached."),
    _("What answers at %(endpoint)s is no Manticore."),
    _("the response is too large"),
    _("What answers is no Manticore: %(said)s"),
    _("Manticore's answer was lost: %(endpoint)s did not answer in time."),
    _("Manticore's answer was lost (%(error)s)."),
    _("What answers at %(endpoint)s sends more than %(count)s bytes."),
    _(
        "What answers at %(endpoint)s does not speak HTTP. Enter Manticore's HTTP port in OPTIONS['URL'] (9308 "
        "unless it was changed; 9306 is for MySQL clients)."
    ),
    _("%(name)s is no name of a table."),
    _("%(id)s is no id of a row: those are whole numbers from 1 to %(most)s."),
    _("The table %(table)s was made, and yet: %(reason)s"),
    _("The table %(table)s cannot be made as it is declared. %(reason)s"),
    _(
        "The table %(table)s has %(column)s as %(found)s, which is declared as %(wanted)s: name another table, or"
        " drop this one and resync."
    ),
    _("The table %(table)s is of the type %(kind)s, which takes no rows: name a real-time table."),
    _("Document.fields has %(name)s, but ModelSync.search_fields does not declare it."),
    _("The field %(name)s is %(kind)s: expected %(reason)s, got a value of type %(found)s."),
    _("a text without NUL characters (the server would cut it there)"),
    _("a text"),
    _("at most %(count)s bytes (the server would cut the rest)"),
    _("a whole number from 0 to %(most)s (declare 'bigint' for others)"),
    _("a whole number of 64 bits"),
    _("a finite number"),
    _("a finite number of 32 bits (at most 3.4e38, either sign)"),
    _("True or False"),
    _("a datetime with a time zone, or seconds since 1970"),
    _("a list of whole numbers"),
    _("a list of whole numbers from 0 to %(most)s"),
    _("an object or a list (the server would store null for a single value)"),
    _("an object, or a list without lists in it (the server refuses those)"),
    _("texts without NUL characters (the server would cut them there)"),
    _("whole numbers of 64 bits"),
    _("what JSON can hold"),
    _("at most %(count)s levels"),
    # Webhooks.
    _("The receiver answers %(status)s: %(said)s"),
    _("The receiver answers %(status)s."),
    _("The receiver's answer was lost (%(error)s)."),
    _("The address is no URL that may be called, such as https://example.org/hook."),
    _("The address is no URL that can be called."),
    _("The destination has no signing secret: enter the receiver's, whsec_..."),
    _(
        'The receiver has not confirmed that it wants these events: it must answer the event "ping" with the text'
        " in data.challenge."
    ),
)
