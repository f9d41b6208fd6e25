"""Words of Manticore's SQL that cannot name a table or column as they stand."""

from __future__ import annotations

import re

# Not even in backticks: "attribute name 'order' is a reserved keyword". "Reserved keywords" in
# https://manual.manticoresearch.com/References
RESERVED = frozenset(
    re.findall(
        r"\w+",
        """
        and as by columnarscan distinct div docidindex explain facet false force from ignore in indexes inner is
        join knn left limit mod no_columnarscan no_docidindex no_secondaryindex not null offset on or order reload
        secondaryindex select sysfilters true
        """,
    )
)
# As long as they stand without backticks: the statements' own words and types.
BARE = RESERVED | frozenset(
    re.findall(
        r"\w+",
        """
        add alter at attribute bigint bit bool cluster column columnar create double drop engine exists fast_fetch
        float float_vector function hash hnsw_m if import indexed int integer json killlist_target like modify multi
        multi64 option plugin rebuild reconfigure returns rtindex secondary soname stored string table text
        timestamp uint update
        """,
    )
)
# Tables stand in more statements (DESC, SELECT, SHOW), so more words are taken.
BARE_TABLES = BARE | frozenset(
    re.findall(
        r"\w+",
        """
        agent all any asc avg begin between call collation commit count databases date_add day delete desc describe
        flush freeze group having insert interval into kill match max meta min optimize plan profile range replace
        rollback set show start status sum tables threads to truncate tables transaction values variables warnings
        where within
        """,
    )
)
