//! How people walk through the books in each drill: which way they choose, what they take back, where they stop.

/// What is done at a step that a route names; at all others what the book says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// What the book says.
    Do,
    /// It once more, though the run has halted there.
    Again,
    /// This choice, counted from 1.
    Choose(usize),
    /// The last change is taken back.
    Undo,
    /// It is left out.
    Skip,
    /// The run is ended there.
    Abandon,
}

/// One walk through a book.
pub struct Route {
    /// Who does what an engineer may do.
    pub worker: &'static str,
    /// Inputs other than their defaults.
    pub inputs: &'static [(&'static str, &'static str)],
    /// Whether what another walk has shown is left out.
    pub hurries: bool,
    /// In the order in which the run comes to the steps.
    pub deeds: &'static [(&'static str, Deed)],
}

/// One drill, and the walks through its book while it is held.
pub struct Tour {
    pub drill: &'static str,
    pub book: &'static str,
    /// Which of its variants, counted from 0.
    pub variant: usize,
    /// Whether `patient-api` was deployed twice before, so that there is something to go back to that is not to blame.
    pub deployed: bool,
    pub routes: &'static [Route],
}

use Deed::{Abandon, Again, Choose, Skip, Undo};

const fn whole(deeds: &'static [(&'static str, Deed)]) -> Route {
    Route { worker: "bob", inputs: &[], hurries: false, deeds }
}

const fn quick(deeds: &'static [(&'static str, Deed)]) -> Route {
    Route { worker: "bob", inputs: &[], hurries: true, deeds }
}

/// Those that share an engine are held one after the other.
pub const TOURS: [&[Tour]; 4] = [&[RB_01], &[RB_02, RB_07, EDGE_LATENCY], &[RB_03, RB_04], &[RB_05, RB_06, RB_08]];

const RB_01: Tour = Tour {
    drill: "bad-release",
    book: "RB-01-complete-outage",
    variant: 0,
    deployed: true,
    routes: &[
        quick(&[("what-do-they-have-in-common", Choose(2))]),
        quick(&[("what-do-they-have-in-common", Choose(3))]),
        quick(&[("what-do-they-have-in-common", Choose(4))]),
        quick(&[("what-do-they-have-in-common", Choose(9)), ("restore-or-not", Choose(2))]),
        whole(&[("what-do-they-have-in-common", Choose(5))]),
        // The deployment before was not to blame, and comes back.
        quick(&[("what-do-they-have-in-common", Choose(5)), ("all-well", Undo), ("roll-back-api", Abandon)]),
        quick(&[("what-do-they-have-in-common", Choose(1)), ("all-well", Abandon)]),
        quick(&[("what-do-they-have-in-common", Choose(6)), ("all-well", Abandon)]),
        quick(&[("what-do-they-have-in-common", Choose(7)), ("start-auth", Abandon)]),
        quick(&[("what-do-they-have-in-common", Choose(8)), ("all-well", Abandon)]),
        quick(&[
            ("what-do-they-have-in-common", Choose(9)),
            ("restore-or-not", Choose(1)),
            ("all-well", Undo),
            ("everything", Abandon),
        ]),
    ],
};

const RB_02: Tour = Tour {
    drill: "pool-exhaustion",
    book: "RB-02-database-connection",
    variant: 0,
    deployed: false,
    routes: &[
        whole(&[("which-of-the-five-is-it", Choose(5))]),
        quick(&[("which-of-the-five-is-it", Choose(1)), ("database-well", Abandon)]),
        quick(&[("which-of-the-five-is-it", Choose(2))]),
        quick(&[("which-of-the-five-is-it", Choose(6)), ("database-well", Abandon)]),
        quick(&[("which-of-the-five-is-it", Choose(4)), ("database-well", Abandon)]),
        quick(&[
            ("which-of-the-five-is-it", Choose(3)),
            ("database-well", Undo),
            ("restore-configuration", Skip),
            // Its budget is left to the walk that is about it.
            ("restart-database", Abandon),
        ]),
        quick(&[("which-of-the-five-is-it", Choose(7)), ("database-well", Abandon)]),
        quick(&[("which-of-the-five-is-it", Choose(8)), ("database-well", Abandon)]),
        // Two starts have not helped, and it answers all the same.
        quick(&[
            ("which-of-the-five-is-it", Choose(7)),
            ("restart-database", Skip),
            ("does-it-answer-now", Choose(1)),
            ("database-well", Abandon),
        ]),
        quick(&[
            ("which-of-the-five-is-it", Choose(7)),
            ("restart-database", Skip),
            ("does-it-answer-now", Choose(2)),
            ("database-well", Undo),
            ("restore-database", Abandon),
        ]),
    ],
};

const RB_03: Tour = Tour {
    drill: "ai-model-missing",
    book: "RB-03-ai-unavailable",
    // The other one leaves no file that a safety snapshot could hold.
    variant: 1,
    deployed: false,
    routes: &[
        whole(&[("wrong-or-missing", Choose(1)), ("which", Choose(3)), ("ai-well", Undo), ("restore-model", Again)]),
        quick(&[("wrong-or-missing", Choose(2)), ("which", Choose(1)), ("ai-well", Abandon)]),
        quick(&[("wrong-or-missing", Choose(2)), ("which", Choose(5))]),
        // By now the model is the one that was proved.
        quick(&[("wrong-or-missing", Choose(2)), ("model-whole", Again), ("which", Choose(2)), ("ai-well", Abandon)]),
        quick(&[("wrong-or-missing", Choose(2)), ("which", Choose(4)), ("ai-well", Undo), ("restore-config", Abandon)]),
    ],
};

const RB_04: Tour = Tour {
    drill: "auth-clock-skew",
    book: "RB-04-authentication-down",
    variant: 0,
    deployed: false,
    routes: &[
        whole(&[("which", Choose(5))]),
        quick(&[("which", Choose(1)), ("auth-well", Abandon)]),
        quick(&[("which", Choose(2))]),
        quick(&[("which", Choose(3)), ("login-works", Abandon)]),
        quick(&[("which", Choose(4)), ("login-works", Undo), ("restore-keys", Abandon)]),
        quick(&[("which", Choose(6)), ("login-works", Abandon)]),
        quick(&[("which", Choose(7)), ("login-works", Abandon)]),
    ],
};

const RB_05: Tour = Tour {
    drill: "wrong-dose",
    book: "RB-05-data-corruption",
    variant: 0,
    deployed: false,
    routes: &[
        quick(&[("how-far", Choose(2))]),
        whole(&[
            ("how-far", Choose(4)),
            ("is-it-right", Choose(2)),
            ("how-far", Choose(3)),
            ("is-it-right", Choose(1)),
        ]),
        quick(&[("how-far", Choose(1)), ("is-it-right", Choose(1)), ("integrity", Abandon)]),
        quick(&[("bisect", Again), ("how-far", Choose(4)), ("is-it-right", Undo), ("restore", Abandon)]),
    ],
};

const RB_06: Tour = Tour {
    drill: "credential-stuffing",
    book: "RB-06-security-breach",
    variant: 0,
    deployed: false,
    routes: &[
        Route {
            worker: "alice",
            inputs: &[("ACCOUNT", "bob")],
            hurries: false,
            deeds: &[
                ("keep-evidence", Undo),
                ("disable-account", Skip),
                ("what-comes-next", Choose(4)),
                ("changed-or-not", Choose(1)),
                ("journal-still-whole", Undo),
                ("restore-entry", Skip),
            ],
        },
        Route {
            worker: "bob",
            inputs: &[("ACCOUNT", "dora")],
            hurries: true,
            deeds: &[("what-comes-next", Choose(1)), ("changed-or-not", Choose(2))],
        },
        Route {
            worker: "bob",
            inputs: &[("ACCOUNT", "dora")],
            hurries: true,
            deeds: &[("what-comes-next", Choose(2)), ("rotate-keys", Abandon)],
        },
        Route {
            worker: "bob",
            inputs: &[("ACCOUNT", "dora")],
            hurries: true,
            deeds: &[("what-comes-next", Choose(3)), ("changed-or-not", Choose(3)), ("journal-still-whole", Abandon)],
        },
    ],
};

const RB_07: Tour = Tour {
    drill: "health-information-in-logs",
    book: "RB-07-hipaa-violation",
    variant: 0,
    deployed: false,
    routes: &[
        whole(&[("where", Choose(1)), ("breach-or-not", Choose(4)), ("purge-or-not", Choose(2))]),
        quick(&[
            ("where", Choose(2)),
            ("breach-or-not", Choose(5)),
            ("purge-or-not", Choose(1)),
            ("journal-still-whole", Abandon),
        ]),
        quick(&[("breach-or-not", Choose(1)), ("retrieve", Abandon)]),
        quick(&[("breach-or-not", Choose(2)), ("retrieve", Abandon)]),
        quick(&[("breach-or-not", Choose(3)), ("retrieve", Abandon)]),
        quick(&[("breach-or-not", Choose(6))]),
    ],
};

const RB_08: Tour = Tour {
    drill: "retry-storm",
    book: "RB-08-performance-degradation",
    variant: 0,
    deployed: false,
    routes: &[
        whole(&[("which", Choose(9))]),
        quick(&[("which", Choose(1)), ("quick-again", Abandon)]),
        quick(&[("which", Choose(8))]),
        quick(&[("which", Choose(10))]),
        quick(&[("which", Choose(7)), ("quick-again", Undo), ("add-index", Abandon)]),
        quick(&[("which", Choose(3)), ("quick-again", Undo), ("restore-config", Abandon)]),
        quick(&[("which", Choose(4)), ("quick-again", Abandon)]),
        quick(&[("which", Choose(5)), ("restart-slow", Abandon)]),
    ],
};

const EDGE_LATENCY: Tour = Tour {
    drill: "edge-latency",
    book: "RB-08-performance-degradation",
    variant: 0,
    deployed: true,
    routes: &[
        Route { worker: "bob", inputs: API, hurries: false, deeds: &[("which", Choose(6))] },
        Route {
            worker: "bob",
            inputs: API,
            hurries: true,
            deeds: &[("which", Choose(2)), ("quick-again", Undo), ("roll-back", Abandon)],
        },
    ],
};

const API: &[(&str, &str)] = &[("SLOW", "patient-api"), ("SLOW_CONFIG", "patient-api-config")];
