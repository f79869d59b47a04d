//! The words that quickstart tickets are put together from. Data only: the grammar is one folder up.

/// One desk of the help centre.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) label: &'static str,
    /// What the desk looks after, as the subject of a clause.
    pub(super) topics: &'static [&'static str],
    /// Predicates that only this desk hears.
    pub(super) troubles: &'static [&'static str],
}

pub(super) const DESKS: [Desk; 4] = [
    Desk {
        label: "billing",
        topics: &[
            "the invoice",
            "my last bill",
            "the refund",
            "the card payment",
            "the monthly fee",
            "the receipt",
            "the discount",
        ],
        troubles: &[
            "was charged twice",
            "shows a sum that i do not owe",
            "is higher than the price you quote",
            "was never credited to my bank",
        ],
    },
    Desk {
        label: "delivery",
        topics: &[
            "the parcel",
            "my order",
            "the courier",
            "the tracking number",
            "the replacement part",
            "the package",
            "the shipment",
        ],
        troubles: &[
            "never arrived",
            "went to the wrong street",
            "came with a crushed box",
            "has been stuck in the depot since monday",
        ],
    },
    Desk {
        label: "technical",
        topics: &[
            "the app",
            "the export",
            "the search page",
            "the printer driver",
            "the new version",
            "the screen",
            "the sync",
        ],
        troubles: &[
            "crashes when i open it",
            "freezes after a minute",
            "shows a blank page",
            "loses what i typed",
        ],
    },
    Desk {
        label: "account",
        topics: &[
            "my password",
            "the login code",
            "my user name",
            "the profile",
            "my email address",
            "the second factor",
            "my membership",
        ],
        troubles: &[
            "is not accepted any more",
            "was locked after one try",
            "belongs to somebody else now",
            "cannot be changed in the settings",
        ],
    },
];

/// What can go wrong with anything.
pub(super) const TROUBLES: &[&str] = &[
    "is wrong",
    "is still a problem",
    "is not what i was promised",
    "has been a mess for days",
    "does not work for me",
    "worries me a lot",
    "needs to be fixed today",
    "is broken again",
    "was fine before and is not now",
    "makes no sense at all",
];

/// What can be said of anything that is not the matter.
pub(super) const COMFORTS: &[&str] = &[
    "is fine",
    "is no problem any more",
    "is just what i was promised",
    "has been great for days",
    "works well for me",
    "does not worry me",
    "was fixed today",
    "is not broken",
    "was bad before and is good now",
    "makes sense to me",
];

pub(super) const JOINTS: &[&str] = &[", but ", ", and ", " ; ", ", while ", " . also, "];

pub(super) const OPENINGS: &[&str] = &[
    "hello,",
    "hi there,",
    "good morning,",
    "dear team,",
    "i write for the second time:",
    "quick question:",
    "to whom it may concern:",
    "thanks for the help so far,",
];

pub(super) const CLOSINGS: &[&str] = &[
    ". please help",
    ". thank you",
    ". can you call me back?",
    ". i am a customer of many years",
    ". what should i do?",
];
