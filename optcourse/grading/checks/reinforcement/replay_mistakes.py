"""What learners get wrong in a ring of transitions, by the switches of its model."""

from optcourse.grading.definitions import Variant

RING_ADVICE = (
    "Keep one number: the place that is written next. After each `add` it moves on by one, and from the last place "
    "to place 0: `(place + 1) % capacity`. There stands the oldest."
)
SAMPLE_ADVICE = "Draw places from 0 to `len(self) - 1`, both included: `torch.randint(len(self), (batch_size,))`."
COPY_ADVICE = (
    "Store `observation.clone()`, or write it into a tensor of your own: `self.observation[place] = ...` copies."
)

VARIANTS = (
    *(
        Variant(id, {"full": kind}, message, RING_ADVICE)
        for id, kind, message in (
            (
                "overwrites_the_newest",
                "newest",
                "When it is full, the transition added last gives way. The oldest should: it is the most outdated.",
            ),
            (
                "place_moves_before_writing",
                "moved first",
                "When it is full, the second oldest gives way and the oldest stays: the place moves on before it is "
                "written, instead of after.",
            ),
            ("grows_past_capacity", "grows", "It never throws anything away: more than `capacity` are kept."),
            ("ignores_when_full", "ignored", "When it is full, new transitions are ignored: it learns no more."),
            ("emptied_when_full", "emptied", "When it is full, everything is thrown away at once."),
            ("keeps_one_more", "one place more", "One transition more than `capacity` is kept."),
            ("keeps_one_fewer", "one place fewer", "One transition fewer than `capacity` is kept."),
            (
                "wraps_to_the_second_place",
                "second",
                "After the last place it goes on with the second: the very first transition is never replaced.",
            ),
            (
                "last_place_never_written",
                "last place empty",
                "The ring turns one place too early: the last place is never written, and drawn nevertheless.",
            ),
        )
    ),
    *(
        Variant("wrong_length", {"length": kind}, message, "`len` is the number of transitions that are stored.")
        for kind, message in (
            ("added", "`len` counts every transition ever added, also those that are gone."),
            ("capacity", "`len` is the capacity, also while it is not full."),
        )
    ),
    *(
        Variant(id, {"drawn": kind}, message, SAMPLE_ADVICE)
        for id, kind, message in (
            (
                "draws_unwritten_places",
                "all places",
                "Places that were never written are drawn as well: zeros that no environment ever gave.",
            ),
            ("never_draws_the_last", "not the last place", "The last place is never drawn: the bound is one too low."),
            ("never_draws_the_first", "not the first place", "Place 0 is never drawn."),
            ("draws_the_newest_alone", "newest alone", "Only the newest transition comes back. That is no replay."),
            ("draws_one_place", "first place alone", "Only the transition in place 0 comes back."),
            (
                "at_most_once",
                "at most once",
                "Each transition comes at most once, so that a batch cannot be larger than what is stored. Asked for "
                "are independent draws.",
            ),
            *(
                (
                    "at_most_once",
                    f"at most once, {error}",
                    "Each transition may come at most once, which fails for a batch larger than what is stored. Asked "
                    "for are independent draws.",
                )
                for error in ("ValueError", "RuntimeError")
            ),
            *(
                (
                    "draws_below_the_position",
                    f"below the position, {error}",
                    "Only places below the one that is written next are drawn. Once the ring has turned, those above "
                    "hold transitions too.",
                )
                for error in ("RuntimeError", "ValueError")
            ),
        )
    ),
    *(
        Variant(id, {"chance": kind}, message, SAMPLE_ADVICE)
        for id, kind, message in (
            (
                "not_uniform",
                "uneven",
                "Some transitions come back more often than others. Each has the same chance in every draw.",
            ),
            (
                "rows_in_an_order",
                "in order",
                "No transition ever comes twice in a row, as it would now and then if draws were independent: your "
                "rows follow an order.",
            ),
        )
    ),
    Variant(
        "parts_drawn_apart",
        {"rows": "apart"},
        "Observation, action and the rest are drawn each for itself: rows are put together from several transitions.",
        "Draw the places once, and use them for all five.",
    ),
    *(
        Variant(id, {"parts": kind}, message, advice)
        for id, kind, message, advice in (
            *(
                (
                    "stores_no_copy",
                    kind,
                    f"{which} not copied. Environments write the next observation into the same array, and with it "
                    "into your replay.",
                    COPY_ADVICE,
                )
                for kind, which in (
                    ("shared", "Observations are"),
                    ("observation shared", "The observation is"),
                    ("next observation shared", "The next observation is"),
                )
            ),
            (
                "numbers_as_columns",
                "columns",
                "Action, reward and terminated come back as columns of shape (batch_size, 1). Asked for is "
                "(batch_size,): a column minus such a vector is a whole matrix, and the loss wrong without a word.",
                "Store plain numbers, or `squeeze(1)` the columns.",
            ),
            (
                "observations_exchanged",
                "exchanged",
                "Observation and next observation are exchanged.",
                "In the order of `add`: observation, action, reward, next_observation, terminated.",
            ),
            (
                "next_observation_lost",
                "next observation lost",
                "The observation comes back in place of the next observation.",
                "In the order of `add`: observation, action, reward, next_observation, terminated.",
            ),
        )
    ),
)
